"""The demo's vending machine: four drinks with pictures of our own, offered to whoever comes through the main gate."""

from pathlib import Path

from access_protocol.ids import PortalId, SiteCode
from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.arrivals import models as hung
from server.arrivals import posters
from server.arrivals.actions import NewPoster
from server.arrivals.models import Poster
from server.kernel.ids import PersonId
from server.kernel.work import Work
from server.people import models as people
from server.places.models import Portal
from server.refreshments import actions
from server.refreshments.actions import AllowanceInput, ItemInput, MachineInput, Refill, SlotInput
from server.refreshments.models import Machine

MACHINE, AFTER = PortalId("drinks"), "main-gate"
CAPACITY, STOCK = 8, 6
_PICTURES = Path(__file__).parent / "demo_pictures"
_JA, _ZH = Language.JA, Language.ZH
_BESIDE = "On the machine"
_REFILLS = "security@genkan.example"
ITEMS = (
    ("water", "Mineral water", "天然水", "矿泉水", "Still, 500 ml", "500ml", "无气，500毫升"),
    ("tea", "Green tea", "緑茶", "绿茶", "Cold, unsweetened", "冷・無糖", "冰，无糖"),
    (
        "coffee",
        "Black coffee",
        "ブラックコーヒー",
        "黑咖啡",
        "Cold, caffeine",
        "冷・カフェイン入り",
        "冰，含咖啡因",
    ),
    ("milk-tea", "Milk tea", "ミルクティー", "奶茶", "Contains milk", "乳成分を含む", "含乳制品"),
)
"""Picture, name and note in English, Japanese and Chinese; one slot each, from the first on."""


def write(work: Work, site: SiteCode) -> dict[str, str]:
    """Set the machine up and fill it, once; return where its poster leads, nothing where the site has no machine."""
    if work.session.get(Portal, (site, MACHINE)) is None:
        return {}
    if work.session.get(Machine, (site, MACHINE)) is None:
        _set_up(work, site)
    return {"drinks_poster": posters.address(work, _poster(work, site))}


def _poster(work: Work, site: SiteCode) -> Poster:
    hanging = [each for each in hung.hanging(work.session, site) if each.portal == MACHINE]
    if hanging:
        return hanging[0]
    return arrivals.put_up_poster(work, site, NewPoster(portal=MACHINE, note=_BESIDE))


def _set_up(work: Work, site: SiteCode) -> None:
    guard = people.by_email(work.session, _REFILLS)
    refills = PersonId(guard.id) if guard else None
    wanted = MachineInput(offered_after=[AFTER], low_stock=2, refill_person=refills)
    actions.put_machine(work, site, MACHINE, wanted)
    actions.set_allowance(work, site, AllowanceInput(per_visit=2))
    for slot, (picture, name, ja, zh, note, note_ja, note_zh) in enumerate(ITEMS, 1):
        item = ItemInput(
            name=name,
            translations={_JA: ja, _ZH: zh},
            note=note,
            note_translations={_JA: note_ja, _ZH: note_zh},
        )
        made = actions.create_item(work, site, item)
        actions.set_picture(work, made.id, (_PICTURES / f"{picture}.png").read_bytes())
        actions.put_slot(work, site, MACHINE, slot, SlotInput(item=made.id, capacity=CAPACITY))
        actions.refill(work, site, MACHINE, slot, Refill(count=STOCK))
