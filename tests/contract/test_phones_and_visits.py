"""What becomes of the pass on a visitor's phone when their visit changes, is held, or goes to another phone."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import Session

from access_protocol.credential import CredentialClass
from access_protocol.keys import HolderKey
from server.credentials import actions as credentials
from server.credentials import models as issued
from server.credentials.models import Issue
from server.kernel.errors import Forbidden
from server.kernel.ids import VisitorId
from server.kernel.principal import Principal
from server.visits import actions
from server.visits.actions import NewVisitor, VisitChange
from tests.fakes.reception import Reception

PHONES = [HolderKey.of(ec.derive_private_key(n, ec.SECP256R1()).public_key()) for n in (1, 2)]


def bind(reception: Reception, visitor: VisitorId, phone: HolderKey = PHONES[0]) -> Issue:
    with reception.office.begin(Principal.for_visitor(visitor)) as work:
        return credentials.bind(work, visitor, phone)


def present(reception: Reception, visitor: VisitorId, kind: CredentialClass) -> Issue | None:
    with Session(reception.office.engine) as session:
        return issued.current_issue(session, visitor, kind)


def test_a_visit_that_moves_takes_the_pass_on_the_phone_along(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    before = bind(reception, guest.id)
    reception.deliver()
    with reception.work() as work:
        later = VisitChange(ends_at=visit.ends_at + timedelta(hours=1))
        actions.change(work, visit.id, later)
    after = present(reception, guest.id, CredentialClass.BOUND)
    assert after is not None
    assert (after.holder, after.expires) == (before.holder, before.expires + timedelta(hours=1))
    mailed = present(reception, guest.id, CredentialClass.STATIC)
    assert mailed is not None
    assert mailed.generation < after.generation
    assert len(reception.mails()) == 2, "the invitation and one change"


def test_binding_sends_no_mail(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    reception.deliver()
    bind(reception, guest.id)
    assert len(reception.mails()) == 1


def test_after_a_second_phone_the_mail_sent_again_carries_a_code_that_counts(
    reception: Reception,
) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    bind(reception, guest.id)
    bind(reception, guest.id, PHONES[1])
    assert present(reception, guest.id, CredentialClass.STATIC) is None
    with reception.work() as work:
        actions.mail_again(work, visit.id, guest.id)
    assert present(reception, guest.id, CredentialClass.STATIC) is not None
    bound = present(reception, guest.id, CredentialClass.BOUND)
    assert bound is not None
    assert bound.holder is not None
    assert bound.holder[1:] == PHONES[1].x


def test_a_new_link_ends_what_was_bound_to_the_phone(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    bind(reception, guest.id)
    with reception.work() as work:
        actions.replace_link(work, visit.id, guest.id)
    assert present(reception, guest.id, CredentialClass.BOUND) is None


@pytest.mark.parametrize("who", ["host", "security"])
def test_approving_a_visit_again_gives_back_what_was_held_and_not_what_somebody_took(
    reception: Reception, who: str
) -> None:
    reception.require_approval()
    visit = reception.invite("one@example.jp", "two@example.jp")
    with reception.work("security") as work:
        actions.approve(work, visit.id)
    one, two = reception.guests_of(visit)
    with reception.work(who) as work:
        credentials.revoke(work, two.id)
    with reception.work() as work:
        actions.add_visitors(work, visit.id, [NewVisitor(name="Three", email="three@example.jp")])
    assert reception.pass_of(one.id) is None, "held with the visit"
    with reception.work("security") as work:
        actions.approve(work, visit.id)
    assert reception.pass_of(one.id) is not None
    assert reception.pass_of(two.id) is None
    if who == "host":
        with reception.work() as work:
            credentials.reissue(work, two.id)
    else:
        with pytest.raises(Forbidden), reception.work() as work:
            credentials.reissue(work, two.id)
