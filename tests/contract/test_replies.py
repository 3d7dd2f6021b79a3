"""What visitors answer to an invitation, and what hosts say to it; on both databases."""

import hashlib
from datetime import timedelta

import pytest
from flask import Flask
from pydantic import ValidationError

from access_protocol.wording import Language
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.principal import Principal
from server.visits import actions, models
from server.visits.actions import (
    Answer,
    NeedsInput,
    NewCompanion,
    NewTerms,
    NewWish,
    TermsKind,
    VisitState,
    WelcomeInput,
)
from server.visits.models import Terms, Visit, Visitor
from server.visits.replies import MOST_WISHES
from tests.fakes.application import application
from tests.fakes.reception import SITE, Reception
from tests.fakes.visitor_phone import VisitorPhone

RULES = NewTerms(ja="館内は禁煙です。", en="No smoking inside.", zh="室内禁止吸烟。")


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


@pytest.fixture
def visit(reception: Reception) -> Visit:
    made = reception.invite()
    reception.mails()
    return made


@pytest.fixture
def visitor(reception: Reception, visit: Visit) -> Visitor:
    return reception.guests_of(visit)[0]


def as_visitor(visitor: Visitor) -> Principal:
    return Principal.for_visitor(visitor.id)


def write(reception: Reception, kind: TermsKind = TermsKind.HOUSE_RULES) -> Terms:
    with reception.work("admin") as work:
        return actions.write_terms(work, SITE, kind, RULES)


def phone_of(reception: Reception, app: Flask, visitor: Visitor) -> VisitorPhone:
    with reception.work() as work:
        found = work.session.get_one(Visitor, visitor.id)
        path = "/v/" + actions.link_of(work, found).rpartition("/")[2]
    return VisitorPhone(app, path)


def bring(
    reception: Reception, visitor: Visitor, email: str = "hanako@example.jp"
) -> models.Companion:
    with reception.office.begin(as_visitor(visitor)) as work:
        new = NewCompanion(name="Hanako", email=email, company="Hikari")
        return actions.bring(work, visitor.visit, visitor.id, new)


def asked(reception: Reception, visitor: Visitor, **wanted: object) -> models.Wish:
    with reception.office.begin(as_visitor(visitor)) as work:
        return actions.wish(work, visitor.visit, visitor.id, NewWish.model_validate(wanted))


def told(reception: Reception) -> str:
    """The subject of the mail that the host got last."""
    return [mail.subject for mail in reception.mails() if "host@" in mail.recipient][-1]


def test_what_was_agreed_is_kept_with_time_version_language_and_hash(
    reception: Reception, app: Flask, visitor: Visitor
) -> None:
    terms = write(reception)
    phone = phone_of(reception, app, visitor).open()
    phone.language = "zh"
    assert "室内禁止吸烟。" in phone.page(f"/agree/{terms.id}")
    answer = phone.post(f"/agree/{terms.id}", agreed="yes", language="zh")
    assert answer.status_code == 303
    with reception.work() as work:
        ((kept, of),) = models.agreements_of(work.session, visitor.id)
    assert (of.version, kept.language) == (1, Language.ZH)
    assert kept.agreed_at == reception.clock.now()
    assert kept.text_hash == hashlib.sha256("室内禁止吸烟。".encode()).hexdigest()


def test_a_document_is_the_next_step_until_it_is_agreed_to(
    reception: Reception, app: Flask, visitor: Visitor
) -> None:
    phone = phone_of(reception, app, visitor).open()
    terms = write(reception)
    page = phone.page()
    assert page.index("Please read and agree") < page.index("Your appointment")
    refused = phone.post(f"/agree/{terms.id}", language="en")
    assert refused.status_code == 422
    assert "Please tick this if you agree." in refused.text
    phone.post(f"/agree/{terms.id}", agreed="yes", language="en")
    assert "Please read and agree" not in phone.page()


def test_a_new_version_is_asked_for_again_and_the_old_one_cannot_be_agreed_to_any_more(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    first = write(reception)
    with reception.office.begin(as_visitor(visitor)) as work:
        actions.agree(work, visit, visitor, first.id, Language.EN)
        assert actions.outstanding(work, visit, visitor.id) == []
    second = write(reception)
    assert second.version == 2
    with reception.office.begin(as_visitor(visitor)) as work:
        (waiting,) = actions.outstanding(work, visit, visitor.id)
        assert waiting.id == second.id
        with pytest.raises(Conflict, match="newer version"):
            actions.agree(work, visit, visitor, first.id, Language.EN)


def test_a_withdrawn_document_is_asked_of_nobody(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    write(reception)
    write(reception, TermsKind.NDA)
    with reception.work("admin") as work:
        actions.withdraw_terms(work, SITE, TermsKind.HOUSE_RULES)
        (left,) = actions.outstanding(work, visit, visitor.id)
        assert left.kind is TermsKind.NDA
        with pytest.raises(NotFound):
            actions.withdraw_terms(work, SITE, TermsKind.HOUSE_RULES)


def test_only_administrators_write_documents_and_in_every_language(reception: Reception) -> None:
    with reception.work("host") as work, pytest.raises(Forbidden):
        actions.write_terms(work, SITE, TermsKind.NDA, RULES)
    with pytest.raises(ValidationError):
        NewTerms.model_validate({"en": "Only in English", "ja": "", "zh": "x"})


def test_who_declines_has_no_pass_any_more_and_the_host_is_told(
    reception: Reception, app: Flask, visitor: Visitor
) -> None:
    phone = phone_of(reception, app, visitor).open()
    assert phone.post("/decline").status_code == 303
    assert "You have declined" in phone.page()
    assert reception.pass_of(visitor.id) is None
    assert "cannot come" in told(reception)
    (mine,) = [mail for mail in reception.mails() if "taro@" in mail.recipient][1:]
    assert any(b"METHOD:CANCEL" in part.content for part in mine.parts)
    assert phone.post("/decline").status_code == 303
    assert [mail.subject for mail in reception.mails() if "cannot come" in mail.subject] == [
        told(reception)
    ]


def test_the_host_can_expect_somebody_again_who_declined(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    with reception.office.begin(as_visitor(visitor)) as work:
        actions.decline_invitation(work, visit.id, visitor.id)
    reception.mails()
    with reception.work() as work:
        actions.expect_again(work, visit.id, visitor.id)
    assert reception.pass_of(visitor.id) is not None
    last = [mail for mail in reception.mails() if "taro@" in mail.recipient][-1]
    calendar = next(part.content for part in last.parts if part.name == "visit.ics")
    assert b"METHOD:REQUEST" in calendar
    assert b"SEQUENCE:2" in calendar
    with reception.work() as work, pytest.raises(Conflict):
        actions.expect_again(work, visit.id, visitor.id)


def test_who_declined_stays_declined_when_the_visit_is_approved_again(reception: Reception) -> None:
    reception.require_approval()
    host = reception.people["host"]
    visit = reception.invite("taro@example.jp", "hanako@example.jp", by="security", host=host)
    taro, hanako = reception.guests_of(visit)
    with reception.office.begin(as_visitor(taro)) as work:
        actions.decline_invitation(work, visit.id, taro.id)
    bring(reception, hanako, "jiro@example.jp")
    with reception.work() as work:
        (companion,) = models.companions_of(work.session, visit.id)
        actions.answer_companion(work, visit.id, companion.id, accept=True)
        assert actions.get(work, visit.id).state is VisitState.PENDING
    with reception.work("security") as work:
        actions.approve(work, visit.id)
    assert reception.pass_of(taro.id) is None
    assert reception.pass_of(hanako.id) is not None


def test_another_time_is_asked_for_and_the_host_accepts_it(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    begins = reception.clock.now() + timedelta(days=1)
    wanted = asked(
        reception, visitor, message="Trains", starts_at=begins, ends_at=begins + timedelta(hours=1)
    )
    assert "another time" in told(reception)
    with reception.work() as work:
        actions.answer_wish(work, visit.id, wanted.id, accept=True)
        assert actions.get(work, visit.id).starts_at == begins
        with pytest.raises(Conflict):
            actions.answer_wish(work, visit.id, wanted.id, accept=False)
    moved = reception.pass_of(visitor.id)
    assert moved is not None
    assert moved.expires == begins + timedelta(hours=2)


def test_a_wish_of_somebody_without_a_mail_address_is_answered_on_their_page_alone(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    with reception.work() as work:
        work.session.get_one(Visitor, visitor.id).email = ""
    wanted = asked(reception, visitor, message="Could we meet in Osaka?")
    before = len(reception.mails())

    with reception.work() as work:
        actions.answer_wish(work, visit.id, wanted.id, accept=False)

    assert len(reception.mails()) == before


def test_a_wish_that_cannot_be_met_leaves_the_visit_and_is_answered_by_mail(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    wanted = asked(reception, visitor, message="Could we meet in Osaka?")
    with reception.work("other") as work, pytest.raises(NotFound):
        actions.answer_wish(work, visit.id, wanted.id, accept=True)
    with reception.work() as work:
        actions.answer_wish(work, visit.id, wanted.id, accept=False)
    last = reception.mails()[-1]
    assert "stays as it is" in last.subject
    assert not [part for part in last.parts if part.media_type == "text/calendar"]


def test_a_later_wish_takes_the_place_of_one_that_waits_and_there_is_an_end_to_it(
    reception: Reception, visitor: Visitor
) -> None:
    for number in range(MOST_WISHES):
        asked(reception, visitor, message=f"Wish {number}")
    with pytest.raises(Conflict):
        asked(reception, visitor, message="One more")
    with reception.work() as work:
        states = [each.state for each in models.wishes_of(work.session, visitor.visit)]
    assert states == [Answer.WAITING] + [Answer.REPLACED] * (MOST_WISHES - 1)


def test_a_companion_is_invited_once_the_host_says_yes(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    companion = bring(reception, visitor)
    assert "bring somebody" in told(reception)
    assert len(reception.guests_of(visit)) == 1
    with reception.work() as work:
        actions.answer_companion(work, visit.id, companion.id, accept=True)
    guests = reception.guests_of(visit)
    assert [guest.email for guest in guests] == ["taro@example.jp", "hanako@example.jp"]
    assert reception.pass_of(guests[1].id) is not None
    assert any("hanako@" in mail.recipient for mail in reception.mails())


def test_a_site_may_let_visitors_bring_people_without_asking(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    with reception.work("admin") as work:
        wanted = WelcomeInput(companions_need_host=False, most_companions=1)
        actions.change_welcome(work, SITE, wanted)
    with pytest.raises(Invalid, match="invited"):
        bring(reception, visitor, "TARO@example.jp")
    bring(reception, visitor)
    assert len(reception.guests_of(visit)) == 2
    with pytest.raises(Conflict, match="Nobody else"):
        bring(reception, visitor, "jiro@example.jp")


def test_a_companion_whom_the_host_refuses_is_not_invited(
    reception: Reception, visitor: Visitor, visit: Visit
) -> None:
    companion = bring(reception, visitor)
    with reception.work() as work:
        refused = actions.answer_companion(work, visit.id, companion.id, accept=False)
    assert refused.state is Answer.REFUSED
    assert len(reception.guests_of(visit)) == 1


def test_needs_are_sealed_and_read_by_host_and_visitor(
    reception: Reception, app: Flask, visitor: Visitor
) -> None:
    phone = phone_of(reception, app, visitor).open()
    assert phone.post("/needs", step_free="yes", needs="Induction loop").status_code == 303
    with reception.work() as work:
        kept = work.session.get_one(Visitor, visitor.id)
        assert kept.step_free
        assert b"Induction" not in kept.sealed_needs
        assert actions.needs_of(work, kept) == "Induction loop"
    assert "Induction loop" in phone.page("/needs")
    phone.post("/needs", needs="")
    with reception.work() as work:
        kept = work.session.get_one(Visitor, visitor.id)
        assert (kept.step_free, kept.sealed_needs) == (False, b"")


def test_nobody_answers_for_another_visitor(reception: Reception, visitor: Visitor) -> None:
    other = reception.guests_of(reception.invite("jiro@example.jp"))[0]
    for principal in (as_visitor(other), reception.as_("host"), Principal.anonymous()):
        with reception.office.begin(principal) as work, pytest.raises(NotFound):
            actions.note_needs(work, visitor.visit, visitor.id, NeedsInput(step_free=True))


def test_after_the_end_nothing_can_be_said_any_more(
    reception: Reception, app: Flask, visitor: Visitor
) -> None:
    phone = phone_of(reception, app, visitor).open()
    reception.clock.advance(timedelta(days=2))
    answer = phone.post("/wish", message="Another day, please")
    assert answer.status_code == 422
    assert "This visit is over." in answer.text
    assert "Another day, please" in answer.text


@pytest.mark.parametrize(
    ("page", "typed", "field"),
    [
        ("/wish", {"message": "", "starts_at": "", "ends_at": ""}, "form-errors"),
        ("/wish", {"message": "x", "starts_at": "soon", "ends_at": ""}, "starts_at-error"),
        (
            "/wish",
            {"starts_at": "2020-01-01T10:00", "ends_at": "2020-01-01T11:00"},
            "starts_at-error",
        ),
        ("/companions", {"name": "", "email": "hanako@"}, "name-error"),
        ("/companions", {"name": "Hanako", "email": "hanako@"}, "email-error"),
        ("/companions", {"name": "Hanako", "email": "taro@example.jp"}, "email-error"),
        ("/needs", {"needs": "x" * 1001}, "needs-error"),
    ],
)
def test_bad_input_keeps_what_was_typed_and_names_the_field(
    reception: Reception, app: Flask, visitor: Visitor, page: str, typed: dict[str, str], field: str
) -> None:
    phone = phone_of(reception, app, visitor).open()
    answer = phone.post(page, **typed)
    assert answer.status_code == 422
    assert f'id="{field}"' in answer.text
    assert all(value in answer.text for value in typed.values())


def test_how_to_get_there_and_what_to_bring_stand_in_page_and_mail(
    reception: Reception, app: Flask
) -> None:
    with reception.work("admin") as work:
        wanted = WelcomeInput(
            directions={Language.EN: "Exit 4, then left."}, bring={Language.EN: "A photo ID."}
        )
        actions.change_welcome(work, SITE, wanted)
    visit = reception.invite(bring="Your laptop.")
    page = phone_of(reception, app, reception.guests_of(visit)[0]).open().page()
    mail = reception.mails()[-1]
    for text in (page, mail.text, mail.html):
        assert "Exit 4, then left." in text
        assert "A photo ID." in text
        assert "Your laptop." in text
