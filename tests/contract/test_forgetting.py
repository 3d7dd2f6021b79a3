"""Who is forgotten is forgotten: after a whole visit no byte of theirs is left, in tables, files or logs."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlmodel import Session, col, select

from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import AccessPointId, CredentialId, EventId
from access_protocol.wording import Language
from server.access import actions as access
from server.access import ledger
from server.access.models import AccessEvent
from server.arrivals import actions as arrivals
from server.arrivals.actions import AnswerKind, CrossingKind, CrossingSource, NewAnswer
from server.conversations import actions as conversations
from server.conversations.actions import Author, NewSurveyAnswer, SurveyInput, SurveyReply
from server.conversations.survey_models import SurveyAnswer
from server.kernel import outbox, wiping
from server.kernel.database import Record
from server.kernel.errors import Conflict
from server.kernel.ids import VisitorId
from server.kernel.principal import Principal
from server.notifications.actions import NoticeKind
from server.notifications.messages import Catcher
from server.notifications.models import CaughtMail
from server.notifications.rules import opened
from server.people import actions as people
from server.people.actions import GroupInput
from server.privacy import actions as privacy
from server.visits import actions as visits
from server.visits.actions import NeedsInput, NewCompanion, NewVisitor, NewWish
from server.visits.models import Visitor
from tests.fakes.reception import MAIN_GATE, ROOM_DOOR, SITE, SYSTEM, Reception

MARKERS = {
    "name": "Qwxzname Vjkpqname",
    "mail": "qwxzmail@vjkpq.example",
    "company": "Qwxzcompany",
    "title": "Qwxztitle",
    "note": "Qwxznote",
    "wish": "Qwxzwish",
    "needs": "Qwxzneeds",
    "companion": "Qwxzcompanion",
    "companion mail": "qwxzcompanion@vjkpq.example",
    "nickname": "Qwxznick",
    "chat": "Qwxzchat",
    "file": "Qwxzfilebytes",
    "file name": "qwxzfile",
    "browser": "Qwxzbrowser",
    "comment": "Qwxzcomment",
    "reply": "Qwxzreply",
    "answer": "Qwxzanswer",
}
"""What stands nowhere else in the world, by where it was typed."""
PDF = b"%PDF-1.4\n% Qwxzfilebytes\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PHONE = "phone-secret-of-the-test" + 19 * "x"


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def _whole_visit(reception: Reception) -> VisitorId:
    """Live a whole visit, typing a marker wherever something can be typed; the visitor has left at its end."""
    with reception.work("admin") as work:
        group = people.create_group(
            work, SITE, GroupInput(name="Care", members=[reception.people["security"]])
        )
        conversations.change_survey(work, SITE, SurveyInput(group=group.id))
    guest = NewVisitor(name=MARKERS["name"], email=MARKERS["mail"], company=MARKERS["company"])
    visit = reception.invite(title=MARKERS["title"], note=MARKERS["note"], visitors=[guest])
    (visitor,) = reception.guests_of(visit)
    _before(reception, visitor)
    _inside(reception, visitor)
    with reception.office.begin(SYSTEM) as work:
        _passes(reception, visitor, MAIN_GATE, out=True)
        del work
    _afterwards(reception, visitor)
    reception.deliver()
    return visitor.id


def _before(reception: Reception, visitor: Visitor) -> None:
    own = Principal.for_visitor(visitor.id)
    with reception.office.begin(own) as work:
        token = visits.link_of(work, visitor).rpartition("/")[2]
        visits.bind_phone(work, token, PHONE, MARKERS["browser"])
        visits.wish(work, visitor.visit, visitor.id, NewWish(message=MARKERS["wish"]))
        visits.note_needs(work, visitor.visit, visitor.id, NeedsInput(needs=MARKERS["needs"]))
        new = NewCompanion(name=MARKERS["companion"], email=MARKERS["companion mail"])
        visits.bring(work, visitor.visit, visitor.id, new)
        arrivals.notice_crossing(work, visitor.id, CrossingKind.NEAR, CrossingSource.PAGE, None)
        visits.tell_host(work, visitor.visit, visitor.id, NoticeKind.APPROVAL_ASKED)
    with reception.work() as work:
        arrivals.answer(
            work,
            visitor.visit,
            NewAnswer(kind=AnswerKind.TEXT, text=MARKERS["answer"], visitor=visitor.id),
        )
    reception.deliver()


def _inside(reception: Reception, visitor: Visitor) -> None:
    reception.clock.set(reception.clock.now() + timedelta(hours=1))
    _passes(reception, visitor, MAIN_GATE)
    _passes(reception, visitor, ROOM_DOOR)
    file = conversations.checked_file(f"{MARKERS['file name']}.pdf", PDF)
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        chat = conversations.open_for_visitor(work, visitor.id, Language.EN)
        conversations.call_oneself(work, chat.id, MARKERS["nickname"])
        conversations.say(work, chat.id, MARKERS["chat"], [file], author=Author.VISITOR)


def _afterwards(reception: Reception, visitor: Visitor) -> None:
    with reception.office.begin(SYSTEM) as work:
        visits.check_out(work, visitor.id, visits.CheckOutKind.EXIT_GATE)
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        said = NewSurveyAnswer(score=1, comment=MARKERS["comment"], language=Language.EN)
        made = conversations.answer_survey(work, visitor.id, said)
        visits.keep_profile(work, work.session.get_one(Visitor, visitor.id))
    with reception.work("security") as work:
        conversations.reply_to_comment(work, made.id, SurveyReply(text=MARKERS["reply"]))


def _passes(
    reception: Reception, visitor: Visitor, point: AccessPointId, *, out: bool = False
) -> None:
    """Let the ledger tell of a passage; out, the visitor is outside afterwards."""
    with reception.office.begin(SYSTEM) as work:
        event = EventId(ledger.new_event(work))
        credential = work.session.get_one(Visitor, visitor.id).credential
        entry = DecisionEntry(
            at=work.now, event=event, access_point=point, reason=None, credential=credential.hex()
        )
        outcome = OutcomeEntry(at=work.now, event=event, access_point=point, outcome=Outcome.PASSED)
        ledger.append_own(work, SITE, entry)
        ledger.append_own(work, SITE, outcome)
        if out:
            access.leave_unseen(work, CredentialId(credential), SITE)


def _everything(reception: Reception, folder: Path) -> dict[str, bytes]:
    """Every byte that is kept anywhere: files of the data folder, the log of the database, and each table's rows."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    with Session(reception.office.engine) as session:
        for table in inspect(reception.office.engine).get_table_names():
            rows = session.connection().execute(text(f'SELECT * FROM "{table}"')).all()  # noqa: S608  a table's own name
            found[f"table {table}"] = b"\n".join(_bytes(value) for row in rows for value in row)
        # What is sealed hides its words from a search; so it is opened first.
        mails = session.exec(select(CaughtMail)).all()
        waiting = select(outbox.OutboxRow).where(col(outbox.OutboxRow.kind) == "mail")
        sealed = [each.sealed_message for each in mails]
        sealed += [each.body for each in session.exec(waiting).all() if each.body]
        found["mails"] = b"\n".join(opened(reception.office.sealer, each) for each in sealed)
    return found


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _seen(found: dict[str, bytes]) -> dict[str, list[str]]:
    """Which marker stands where."""
    return {
        name: places
        for name, marker in MARKERS.items()
        if (places := [place for place, kept in found.items() if marker.encode() in kept])
    }


def _wipe(reception: Reception) -> None:
    """Do what the worker does after the commit."""
    senders = {wiping.KIND: wiping.Wiper(reception.office), "mail": Catcher(reception.office)}
    while outbox.send_due(reception.office, senders):
        pass


def test_after_forgetting_no_byte_of_a_visitor_is_left_anywhere(
    reception: Reception, tmp_path: Path, heard: pytest.LogCaptureFixture
) -> None:
    visitor = _whole_visit(reception)
    before = _seen(_everything(reception, tmp_path))
    sealed = {"needs"}
    assert before.keys() == MARKERS.keys() - sealed, "what was typed is found while it is kept"
    with reception.office.begin(Principal.for_visitor(visitor)) as work:
        privacy.ask_to_be_forgotten(work, visitor)
    with reception.office.begin(SYSTEM) as work:
        outbox.post(work, wiping.KIND, "database", {"whole": True})
    _wipe(reception)
    assert _seen(_everything(reception, tmp_path)) == {}
    assert not [name for name, marker in MARKERS.items() if marker in heard.text]


def test_the_chain_of_the_ledger_and_the_score_outlive_who_was_forgotten(
    reception: Reception,
) -> None:
    visitor = _whole_visit(reception)
    with Session(reception.office.engine) as session:
        before = [(each.sequence, each.hash) for each in session.exec(select(AccessEvent)).all()]
        credential = session.get_one(Visitor, visitor).credential
    with reception.office.begin(Principal.for_visitor(visitor)) as work:
        privacy.ask_to_be_forgotten(work, visitor)
    with Session(reception.office.engine) as session:
        after = [(each.sequence, each.hash) for each in session.exec(select(AccessEvent)).all()]
        assert after == before
        assert session.get_one(Visitor, visitor).credential != credential
        (answer,) = session.exec(select(SurveyAnswer)).all()
        assert (answer.score, answer.visitor, answer.comment) == (1, None, "")


def test_who_is_still_inside_is_asked_to_leave_first(reception: Reception) -> None:
    visit = reception.invite("taro@example.jp")
    (visitor,) = reception.guests_of(visit)
    reception.clock.set(reception.clock.now() + timedelta(hours=1))
    _passes(reception, visitor, MAIN_GATE)
    with (
        pytest.raises(Conflict, match="still in the building"),
        reception.office.begin(Principal.for_visitor(visitor.id)) as work,
    ):
        privacy.ask_to_be_forgotten(work, visitor.id)
    with reception.office.begin(SYSTEM) as work:
        assert work.session.get_one(Visitor, visitor.id).email == "taro@example.jp"


def test_every_table_that_names_a_visitor_is_known_to_forgetting() -> None:
    known = {
        "access_door_command",
        "arrivals_answer",
        "arrivals_check_in",
        "arrivals_crossing",
        "arrivals_entry_approval",
        "arrivals_tracker",
        "arrivals_walk_in",
        "arrivals_watch",
        "conversations_conversation",
        "conversations_survey_answer",
        "credentials_credential",
        "meetings_attendance",
        "notifications_messenger_code",
        "notifications_messenger_link",
        "notifications_notice",
        "notifications_phone_push",
        "refreshments_offer",
        "refreshments_order",
        "visits_agreement",
        "visits_check_out",
        "visits_companion",
        "visits_phone_binding",
        "visits_phone_code",
        "visits_retired_link",
        "visits_wish",
    }
    tables = Record.metadata.tables.values()
    naming = {table.name for table in tables if "visitor" in table.columns}
    assert naming - known == set(), "whoever adds such a table lets privacy.forgetting know"
