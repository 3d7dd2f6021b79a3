"""The visit page of somebody who has come: it says where they stand, and what is next stands first."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from access_protocol.keys import HolderKey
from server.app import create_office
from server.arrivals import actions as arrivals
from server.arrivals.rules import CrossingKind, CrossingSource
from server.credentials import actions as credentials
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.visits.models import Visitor
from tests.fakes.application import application
from tests.fakes.meeting_site import MeetingSite
from tests.fakes.panel_site import NOON
from tests.fakes.visitor_phone import VisitorPhone


class Guest:
    """A visitor with the page open, and the site that they walk through."""

    def __init__(self, site: MeetingSite) -> None:
        self.site = site
        _, (self.visitor,) = site.invite(("Anna Keller", ""), starts_in=timedelta(minutes=5))
        app = application(site.office)
        self.phone = VisitorPhone(app, site.link(self.visitor)).open()

    def passes(self, point: str) -> None:
        credential = CredentialId(self.visitor.credential)
        self.site.clock.advance(timedelta(seconds=20))
        self.site.presented(point, credential, None, Outcome.OPENED, Outcome.PASSED)

    @property
    def heading(self) -> str:
        page = self.phone.page("/parts")
        return page.partition("<h1>")[2].partition("</h1>")[0]


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    clock = FixedClock(NOON)
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    office = create_office(settings, clock)
    yield Guest(MeetingSite(office, clock))
    office.close()


def test_the_heading_says_where_they_stand(guest: Guest) -> None:
    assert guest.heading == "You are expected"
    with guest.site.office.begin(Principal.system()) as work:
        arrivals.notice_crossing(work, guest.visitor.id, CrossingKind.HERE, CrossingSource.PAGE)
    assert guest.heading == "Welcome"
    guest.passes("main-gate-in")
    assert guest.heading == "You are inside"
    guest.site.enters(guest.visitor)
    assert guest.heading == "You are inside"


def test_inside_the_room_stands_before_the_pass_and_the_appointment_below(guest: Guest) -> None:
    guest.passes("main-gate-in")
    guest.site.clock.advance(timedelta(seconds=20))
    guest.site.enters(guest.visitor)
    page = guest.phone.page("/parts")
    assert page.index("You are in Sakura") < page.index('id="pass-heading"')
    assert page.index('id="pass-heading"') < page.index("Acceptance of the new optics")


def test_the_code_from_the_mail_is_gone_once_the_phone_has_its_pass(guest: Guest) -> None:
    assert "The code from your mail" in guest.phone.page()
    key = HolderKey.of(ec.generate_private_key(ec.SECP256R1()).public_key())
    visitor: Visitor = guest.visitor
    with guest.site.office.begin(Principal.for_visitor(visitor.id)) as work:
        credentials.bind(work, visitor.id, key)
    assert "The code from your mail" not in guest.phone.page()
    assert "Show my pass" in guest.phone.page()
