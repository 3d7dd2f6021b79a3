"""The demo's visits: yesterday's guest, one for the hall only, and one whose credential is to be revoked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from access_protocol.wording import Language
from server.app import create_office
from server.credentials import models as issued
from server.kernel import outbox
from server.kernel.clock import FixedClock
from server.kernel.ids import PersonId, RoomId
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office, Work
from server.notifications.messages import Catcher
from server.notifications.rules import KIND as MAIL
from server.people import models as people
from server.people.rules import Role, rights_of
from server.visits import actions as visits
from server.visits.actions import NewVisit, NewVisitor
from server.visits.models import Visit, Visitor

A_DAY = timedelta(days=1)
TWO_HOURS = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A guest of the demo, and the part that they play in it."""

    part: str
    name: str
    email: str
    company: str
    title: str
    language: Language = Language.EN
    zones: tuple[int, ...] | None = None
    """None: wherever a guest of the room may go."""


YESTERDAY = Guest(
    part="expired",
    name="Kenji Sato",
    email="kenji.sato@partner.example",
    company="Partner KK",
    title="Yesterday's review",
    language=Language.JA,
)
TODAY = (
    Guest(
        part="wrong_zone",
        name="Mei Chen",
        email="mei.chen@courier.example",
        company="Courier",
        title="Delivery to the entrance hall",
        language=Language.ZH,
        zones=(1,),
    ),
    Guest(
        part="revoked",
        name="Robert Brown",
        email="robert.brown@vendor.example",
        company="Vendor Ltd",
        title="Maintenance offer",
    ),
)


def write(office: Office, host_email: str, room: RoomId) -> dict[str, dict[str, str]]:
    """Write the visits that are missing, through the same actions as everybody's; return each guest's pass."""
    now = office.clock.now()
    # The first credential makes the site's key: yesterday's must, or its guest's would be of an unknown one.
    past = _in_the_past(office.settings, now - A_DAY)
    try:
        found = {YESTERDAY.part: _guest(past, host_email, room, YESTERDAY, now - A_DAY)}
        # That mail went out yesterday, too; the worker of today would find it too late to send.
        outbox.send_due(past, {MAIL: Catcher(past)})
    finally:
        past.close()
    for guest in TODAY:
        found[guest.part] = _guest(office, host_email, room, guest, now)
    return found


def _in_the_past(settings: Settings, moment: datetime) -> Office:
    return create_office(settings, FixedClock(moment))


def _guest(
    office: Office, host_email: str, room: RoomId, guest: Guest, at: datetime
) -> dict[str, str]:
    with office.begin(Principal.system("demo-data")) as work:
        host = people.by_email(work.session, host_email)
        if host is None:
            raise LookupError(f"there is no account {host_email}")
        visitor = _known(work, guest, at)
    if visitor is None:
        with office.begin(Principal.for_person(host.id, rights_of([Role.HOST]))) as work:
            visitor = _invite(work, guest, host.id, room)
    with office.reading(Principal.system("demo-data")) as work:
        present = issued.current_issue(work.session, visitor.id)
        return {
            "visit": visitor.visit,
            "visitor": visitor.id,
            "name": visitor.name,
            "email": visitor.email,
            "credential": visitor.credential.hex(),
            "text": present.text if present else "",
        }


def _known(work: Work, guest: Guest, at: datetime) -> Visitor | None:
    """Return the guest as invited before, where that visit still plays its part."""
    statement = (
        select(Visitor)
        .join(Visit, col(Visit.id) == col(Visitor.visit))
        .where(Visitor.email == guest.email, col(Visitor.removed_at).is_(None))
        .order_by(col(Visitor.id).desc())
    )
    if guest is not YESTERDAY:
        statement = statement.where(Visit.ends_at > at)
    return work.session.exec(statement).first()


def _invite(work: Work, guest: Guest, host: PersonId, room: RoomId) -> Visitor:
    made = visits.create(
        work,
        NewVisit(
            title=guest.title,
            starts_at=work.now,
            ends_at=work.now + TWO_HOURS,
            room=None if guest.zones else room,
            zones=list(guest.zones) if guest.zones else None,
            host=host,
            language=guest.language,
            visitors=[NewVisitor(name=guest.name, email=guest.email, company=guest.company)],
        ),
    )
    return work.session.exec(select(Visitor).where(Visitor.visit == made.id)).one()
