"""The mail that tells whoever refills a machine what runs low in it; each slot once until it is refilled."""

from collections.abc import Sequence
from html import escape

from access_protocol.wording import Language
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import Mail
from server.people.models import Person
from server.places.models import Portal, Site, name_in
from server.refreshments import models
from server.refreshments.models import Item, Machine

_SUBJECT = {
    Language.EN: "{machine} at {site} runs low",
    Language.JA: "{site}「{machine}」の在庫が少なくなっています",
    Language.ZH: "{site}的“{machine}”库存不足",
}
_HEAD = {
    Language.EN: "Please refill {machine} at {site}:",
    Language.JA: "{site}「{machine}」の補充をお願いします。",
    Language.ZH: "请为{site}的“{machine}”补货：",
}
_LINE = {
    Language.EN: "Slot {slot}, {item}: {stock} of {capacity} left",
    Language.JA: "スロット{slot}　{item}：残り{stock}本（最大{capacity}本）",
    Language.ZH: "货道{slot}，{item}：剩余{stock}（最多{capacity}）",
}
_FOOT = {
    Language.EN: "Please note the refill here: {link}",
    Language.JA: "補充したら、こちらで記録してください：{link}",
    Language.ZH: "补货后请在此登记：{link}",
}


def tell(work: Work, machine: Machine) -> None:
    """Tell whoever refills of all slots that run low and were not told of yet."""
    low = [
        slot
        for slot in models.slots(work.session, machine.site, machine.portal)
        if slot.item is not None and slot.stock <= machine.low_stock
    ]
    if all(slot.low_told_at for slot in low):
        return
    for slot in low:
        slot.low_told_at = slot.low_told_at or work.now
        work.session.add(slot)
    site = work.session.get_one(Site, machine.site)
    portal = work.session.get_one(Portal, (machine.site, machine.portal))
    link = f"{str(work.settings.base_url).rstrip('/')}/panel/drinks"
    for address, name, language in _told(work, machine, site):
        places = {"machine": name_in(portal, language), "site": name_in(site, language)}
        lines = [
            _LINE[language].format(
                slot=slot.number,
                item=name_in(work.session.get_one(Item, slot.item), language),
                stock=slot.stock,
                capacity=slot.capacity,
            )
            for slot in low
        ]
        subject = _SUBJECT[language].format_map(places)
        head, foot = _HEAD[language].format_map(places), _FOOT[language].format(link=link)
        mail = Mail(
            recipient=address,
            name=name,
            subject=subject,
            text="\n".join([head, "", *(f"- {each}" for each in lines), "", foot, ""]),
            html=_html(language, head, lines, foot),
            language=language.value,
        )
        notifications.send_mail(work, mail)


def _told(work: Work, machine: Machine, site: Site) -> list[tuple[str, str, Language]]:
    person = work.session.get(Person, machine.refill_person) if machine.refill_person else None
    found: list[tuple[str, str, Language]] = []
    if person is not None and person.active:
        found.append((person.email, person.name, Language(person.language)))
    if machine.refill_mail and machine.refill_mail not in {each[0] for each in found}:
        language = Language(site.languages[0]) if site.languages else Language.EN
        found.append((machine.refill_mail, "", language))
    return found


def _html(language: Language, head: str, lines: Sequence[str], foot: str) -> str:
    every = "".join(f"<li>{escape(each)}</li>" for each in lines)
    return (
        f'<!doctype html><html lang="{language.value}"><body>'
        f"<p>{escape(head)}</p><ul>{every}</ul><p>{escape(foot)}</p></body></html>"
    )
