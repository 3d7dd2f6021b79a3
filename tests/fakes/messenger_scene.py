"""A reception whose visitor has the invitation open, and messengers that the site may set up."""

import re
from urllib.parse import unquote

from flask import Flask
from pydantic import AnyHttpUrl

from server.arrivals import actions as arrivals
from server.arrivals.actions import NewAnswer
from server.kernel.outbox import send_due
from server.kernel.principal import Principal
from server.notifications import actions as notifications
from server.notifications.actions import JoinState, MessengerKind
from server.notifications.messenger_models import MessengerAccount
from server.notifications.messengers.accounts import OUTBOX
from server.notifications.messengers.sending import ChatSender
from server.visits.actions import link_of
from tests.fakes.application import application
from tests.fakes.limits import lift
from tests.fakes.reception import SITE, Reception
from tests.fakes.visitor_phone import VisitorPhone
from tests.services.messengers import (
    LINE_KEYS,
    WECOM_KEYS,
    StandIn,
    line_hook,
    wecom_hook,
)

SYSTEM = Principal.system("tests")
LINE, WECOM = MessengerKind.LINE, MessengerKind.WECOM
HOST_ANSWER = "Ich komme gleich zu Ihnen, Aufzug B"
VISIT_TITLE = "Merger talks with Umbrella"
GUEST_EMAIL = "hanako.private@example.jp"


class Scene:
    """A reception whose visitor has the invitation open, and the worker's side of messengers."""

    def __init__(self, reception: Reception, stand_in: StandIn) -> None:
        self.reception, self.stand_in, self.office = reception, stand_in, reception.office
        settings = reception.office.settings
        settings.outbound_allowed = "127.0.0.0/8"
        settings.outbound_ca_file = stand_in.service.ca_file
        settings.line_api_url = settings.wecom_api_url = AnyHttpUrl(stand_in.service.url)
        self.app: Flask = application(reception.office)
        lift(self.app)
        self.sender = ChatSender(reception.office)
        self.visit = reception.invite(GUEST_EMAIL, title=VISIT_TITLE)
        self.guest = reception.guests_of(self.visit)[0]
        with reception.work() as work:
            self.link = link_of(work, self.guest)
        self.phone = VisitorPhone(self.app, "/v/" + self.link.rpartition("/")[2]).open()

    def set_up(self, kind: MessengerKind = LINE, **keys: str) -> None:
        given = (LINE_KEYS if kind is LINE else WECOM_KEYS) | keys
        with self.reception.work("admin") as work:
            notifications.set_up_messenger(work, SITE, kind, given)
        self.work()

    def work(self) -> None:
        """Let the worker do what is due."""
        while send_due(self.office, {OUTBOX: self.sender}):
            pass

    def tap(self, kind: MessengerKind = LINE) -> str:
        """Press the button; return where it leads, decoded."""
        answer = self.phone.get(f"/messenger/{kind}")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def code(self, kind: MessengerKind = LINE) -> str:
        return re.search(r"GENKAN-\w{12}", unquote(self.tap(kind)))[0]  # type: ignore[index]

    def join(self, kind: MessengerKind = LINE) -> None:
        """Join as people do."""
        if kind is LINE:
            self.hear(self.stand_in.line_event(text=self.code()))
        else:
            self.enter(self.code(WECOM))
            self.customer_writes("hello")
        self.work()

    def hear(self, *events: dict[str, object]) -> None:
        assert line_hook(self.app, *events).status_code == 200

    @property
    def seconds(self) -> int:
        return int(self.reception.clock.now().timestamp())

    def enter(self, code: str) -> None:
        self.stand_in.kf_event(
            "enter_session", self.seconds, scene_param=code, welcome_code="welcome-1"
        )
        assert wecom_hook(self.app).status_code == 200
        self.work()

    def customer_writes(self, text: str) -> None:
        self.stand_in.kf_text(text, self.seconds)
        assert wecom_hook(self.app).status_code == 200
        self.work()

    def answers(self) -> None:
        new = NewAnswer.model_validate({"kind": "text", "text": HOST_ANSWER})
        with self.reception.work() as work:
            arrivals.answer(work, self.visit.id, new)

    def joined(self) -> list[tuple[MessengerKind, JoinState]]:
        with self.office.reading(SYSTEM) as work:
            found = notifications.joined_of(work, [self.guest.id])
        return [(each.kind, each.state) for each in found.get(self.guest.id, [])]

    def account(self, kind: MessengerKind = LINE) -> MessengerAccount:
        with self.office.reading(SYSTEM) as work:
            return notifications.find_messenger(work, SITE, kind)

    def said(self) -> list[str]:
        return [each.text for each in self.stand_in.said]
