"""A host with a browser at a push service of this machine, and the worker's sending side without its threads."""

from sqlmodel import Session, col, select

from server.kernel.ids import NoticeId, PersonId
from server.kernel.outbox import send_due
from server.kernel.principal import Principal
from server.notifications import actions as notifications
from server.notifications import telling
from server.notifications.actions import (
    NewChannel,
    NoticeKind,
    PreferencesInput,
)
from server.notifications.messages import Catcher
from server.notifications.messenger import MessengerSender
from server.notifications.models import Delivery, Notice
from server.notifications.push import PushSender
from server.visits import actions as visits
from tests.fakes.reception import Reception
from tests.services.push_service import Browser, PushService

SYSTEM = Principal.system("tests")
LOCAL = "127.0.0.0/8"


class Hosted:
    """A reception whose host has a browser, and the worker's sending side."""

    def __init__(self, reception: Reception, service: PushService) -> None:
        self.reception, self.service = reception, service
        self.office = reception.office
        self.office.settings.outbound_allowed = LOCAL
        self.office.settings.outbound_ca_file = service.ca_file
        self.host, self.other = reception.people["host"], reception.people["other"]
        self.visit = reception.invite(title="Kick-off")
        self.guest = reception.guests_of(self.visit)[0]
        reception.deliver()
        with self.office.begin(SYSTEM) as work:
            self.push_key = notifications.push_key(work)
        self._senders = {
            "push": PushSender(self.office),
            "service": MessengerSender(self.office),
            "mail": Catcher(self.office),
        }

    def subscribe(self, name: str = "host") -> Browser:
        browser = Browser(self.service.url, name)
        new = NewChannel.model_validate({"subscription": browser.subscription, "label": "Phone"})
        with self.reception.work(name) as work:
            notifications.add_channel(work, self.reception.people[name], new)
        return browser

    def wants(self, name: str = "host", **choices: object) -> None:
        with self.reception.work(name) as work:
            wanted = PreferencesInput.model_validate(choices)
            notifications.set_preferences(work, self.reception.people[name], wanted)

    def tell(self, kind: NoticeKind, **values: str) -> NoticeId | None:
        with self.office.begin(SYSTEM) as work:
            return visits.tell_host(work, self.visit.id, self.guest.id, kind, values)

    def send(self) -> None:
        while send_due(self.office, self._senders):
            pass

    def look_for_silence(self) -> None:
        with self.office.begin(SYSTEM) as work:
            telling.escalate(work)

    def deliveries(self, notice: NoticeId | None) -> list[Delivery]:
        with Session(self.office.engine) as session:
            found = select(Delivery).where(Delivery.notice == notice).order_by(col(Delivery.id))
            return list(session.exec(found).all())

    def states(self, notice: NoticeId | None) -> list[tuple[str, str]]:
        return [(str(each.kind), str(each.state)) for each in self.deliveries(notice)]

    def notices(self, person: PersonId) -> list[str]:
        with Session(self.office.engine) as session:
            found = select(Notice).where(Notice.person == person).order_by(col(Notice.id))
            return [str(each.kind) for each in session.exec(found).all()]

    def open_notices(self) -> list[str]:
        """The kinds of what nobody has reacted to yet, whoever was told."""
        with Session(self.office.engine) as session:
            found = select(Notice).where(col(Notice.reacted_at).is_(None))
            return [str(each.kind) for each in session.exec(found.order_by(col(Notice.id))).all()]

    def mails(self) -> list[str]:
        return [each.subject for each in self.reception.mails()][1:]
