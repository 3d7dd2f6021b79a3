"""What receives the demo's visitors where no desk is: house rules, the way there, a fence, and a poster at the door."""

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.arrivals import kiosks, models, posters
from server.arrivals.actions import FenceInput, NewKiosk, NewPoster
from server.arrivals.models import Fence, Poster
from server.kernel.work import Work
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.rules import NewTerms, TermsKind, WelcomeInput

_JA, _EN, _ZH = Language.JA, Language.EN, Language.ZH
FRONT_DOOR = "front-door"
_BESIDE = "Beside the front door"
_AROUND = (139.7671, 35.6812)
"""Longitude and latitude of Tokyo Station, near which the demo's office stands."""
_HOUSE_RULES = NewTerms(
    en=(
        "Please take photographs only where your host agrees.\n\n"
        "In an alarm leave by the nearest exit and meet in the square before the building; every way out "
        "opens by hand."
    ),
    ja=(
        "写真撮影は、ご訪問先の担当者の許可がある場所でのみお願いいたします。\n\n"
        "警報が鳴りましたら、最寄りの出口から避難し、建物前の広場にお集まりください。出口はすべて手で開きます。"
    ),
    zh=(
        "请仅在接待人同意的地方拍照。\n\n"
        "警报响起时，请从最近的出口离开，并在楼前广场集合；所有出口均可手动打开。"
    ),
)
_WELCOME = WelcomeInput(
    directions={
        _EN: "Two minutes on foot from Tokyo Station, Marunouchi North Exit. The front door is beside the café.",
        _JA: "東京駅丸の内北口から徒歩2分です。正面玄関はカフェの隣にあります。",
        _ZH: "从东京站丸之内北口步行两分钟。正门在咖啡馆旁边。",
    },
    bring={
        _EN: "Your phone, charged. Nothing else is needed to come in.",
        _JA: "充電済みのスマートフォンをお持ちください。入館に必要なものはそれだけです。",
        _ZH: "请带上已充电的手机，入场无需其他物品。",
    },
)


def write(work: Work, site: SiteCode) -> dict[str, str]:
    """Write what is missing; return where the front door's poster leads, and a new address for the screen beside it."""
    if not visit_models.newest_terms(work.session, site):
        visits.write_terms(work, site, TermsKind.HOUSE_RULES, _HOUSE_RULES)
        visits.change_welcome(work, site, _WELCOME)
    if work.session.get(Fence, site) is None:
        arrivals.put_fence(work, site, _fence())
    return {"poster": posters.address(work, _poster(work, site)), "kiosk": _kiosk(work, site)}


def _poster(work: Work, site: SiteCode) -> Poster:
    hanging = [each for each in models.hanging(work.session, site) if each.portal == FRONT_DOOR]
    if hanging:
        return hanging[0]
    return posters.put_up(work, site, NewPoster(portal=FRONT_DOOR, note=_BESIDE))


def _kiosk(work: Work, site: SiteCode) -> str:
    for earlier in kiosks.list_kiosks(work):
        if earlier.site == site and earlier.name == _BESIDE:
            kiosks.revoke(work, earlier.id)
    return kiosks.pair(work, site, NewKiosk(name=_BESIDE, access_point=f"{FRONT_DOOR}-in"))[1]


def _fence() -> FenceInput:
    """Return the circles around the office."""
    return FenceInput.model_validate(
        {
            "near": {"type": "Point", "coordinates": _AROUND, "radius_m": 150},
            "approaching": {"type": "Point", "coordinates": _AROUND, "radius_m": 1500},
        }
    )
