"""A house in which guests, hosts and reception write hostile text wherever one can write something."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import cycle, islice

from pydantic import TypeAdapter, ValidationError

from access_protocol.events import Contact, ControllerState, Lock, SlotCondition, SlotState
from access_protocol.ids import PortalId
from access_protocol.wording import Language
from server.access import actions as access
from server.conversations import actions as chats
from server.conversations import canned, files, questions, surveys
from server.devices import reports
from server.devices.models import Device
from server.kernel.clock import FixedClock
from server.kernel.errors import GenkanError
from server.kernel.ids import ConversationId
from server.kernel.principal import Principal
from server.kernel.text import Line, Lines
from server.kernel.work import Office, Work
from server.meetings import actions as meetings
from server.people import groups
from server.people import models as people
from server.people.rules import Role, rights_of
from server.processes.demo_drinks import MACHINE
from server.refreshments import actions as refreshments
from server.visits import actions as visits
from server.visits.actions import CheckOutKind
from server.visits.models import Visit, Visitor
from server.visits.rules import NewVisitor
from server.wayfinding import actions as plans
from tests.fakes.buildings import sample_files
from tests.fakes.furnished_site import VENDING, furnish, goes_through
from tests.fakes.hostile_visitors import as_sent
from tests.fakes.meeting_site import MeetingSite
from tests.fakes.panel_site import BOOT, SITE

SYSTEM = Principal.system()
A_MINUTE = timedelta(minutes=1)
FILES_AT_ONCE, MESSAGES = 4, 7
"""In one message; and in one conversation, for it keeps sixty files."""
MOST_CANNED = 60
MENU = 30
_TOGETHER = 400
_NICKNAME = TypeAdapter[str](chats.Nickname)
_LINE, _LINES = TypeAdapter[str](Line), TypeAdapter[str](Lines)
_PDF = b"%PDF-1.4\n%%EOF"


class HostileHouse(MeetingSite):
    """The house; `taken` says which texts were kept where, each as it was sent.

    Where a field takes several lines, several texts are written at once; and where a text needs a person of its own,
    every fourth is written.
    """

    def __init__(self, office: Office, clock: FixedClock, texts: Sequence[str]) -> None:
        """Let everybody write everything."""
        super().__init__(office, clock)
        self.texts = [as_sent(each) for each in texts]
        self.taken: dict[str, list[str]] = {}
        self.sign = furnish(self)
        with office.reading(SYSTEM) as work:
            found = people.by_email(work.session, "admin@genkan.example")
        assert found is not None
        self.admin = Principal.for_person(found.id, rights_of(Role))
        self._words_on_the_walls()
        self._drinks()
        self.visit, self.guests = self._invited()
        self.guest, *_, self.gone = self.guests
        self._meet()
        self._chat()
        self._afterwards()

    def everywhere(
        self, place: str, write: Callable[[Work, str], object], *, by: Principal
    ) -> None:
        """Write each text in one place; what is refused is refused kindly."""
        for text in self.texts:
            with suppress(ValidationError, GenkanError), self.office.begin(by) as work:
                write(work, text)
                self.taken.setdefault(place, []).append(text)

    def together(
        self, place: str, write: Callable[[Work, str], object], *, by: Principal, line: bool = False
    ) -> None:
        """Write the texts in one place, as many at once as go into a field of several lines, or on a long `line`."""
        for some in self._lots(_LINE if line else _LINES):
            with self.office.begin(by) as work:
                write(work, (" " if line else "\n").join(some))
            self.taken.setdefault(place, []).extend(some)

    def _lots(self, kind: TypeAdapter[str]) -> list[list[str]]:
        """Return what may be written together."""
        found: list[list[str]] = [[]]
        for text in self.texts:
            try:
                kept = bool(kind.validate_python(text))
            except ValidationError:
                continue
            if not kept or len(text) > _TOGETHER:
                continue
            if sum(map(len, found[-1])) + len(text) > _TOGETHER:
                found.append([])
            found[-1].append(text)
        return found

    def plans_named(self, texts: Sequence[str]) -> None:
        """Bring in floor plans on which everything that has a name bears one of the texts."""
        names, building = cycle(texts), sample_files()
        for kind in ("unit", "level", "opening", "amenity", "fixture"):
            for feature in building[kind]["features"]:
                if feature["properties"].get("name"):
                    feature["properties"]["name"] = {"en": next(names)}
        plan = plans.check_plan(building)
        with self.office.begin(self.admin) as work:
            plans.import_plan(work, SITE, plan)

    def asks(self, texts: Sequence[str]) -> None:
        """Let the survey ask these, three questions in three languages."""
        words = cycle(texts)
        asked = [{each: next(words) for each in ("en", "ja", "zh")} for _ in range(3)]
        wanted = surveys.SurveyInput.model_validate({"questions": asked})
        with self.office.begin(self.admin) as work:
            surveys.change_survey(work, SITE, wanted)

    def _words_on_the_walls(self) -> None:
        self.everywhere(
            "question",
            lambda work, text: questions.add(
                work,
                SITE,
                questions.QuestionInput.model_validate(
                    {"asked": {"en": [text]}, "answers": {"en": text}}
                ),
            ),
            by=self.admin,
        )
        self.everywhere("group", self._group, by=self.admin)
        self.everywhere(
            "sign",
            lambda work, text: chats.put_up_contact(work, SITE, chats.NewContactPoint(note=text)),
            by=self.admin,
        )
        every = iter(self.texts[MOST_CANNED:])
        self.everywhere(
            "canned",
            lambda work, text: canned.put_canned(
                work,
                SITE,
                canned.CannedInput.model_validate(
                    {"name": text, "texts": {"en": next(every, text), "ja": text}}
                ),
            ),
            by=self.admin,
        )

    @staticmethod
    def _group(work: Work, text: str) -> None:
        groups.create_group(work, SITE, groups.GroupInput(name=text))

    def _drinks(self) -> None:
        number = 0

        def item(work: Work, text: str) -> None:
            nonlocal number
            wanted = refreshments.ItemInput(name=text, note=text)
            made = refreshments.create_item(work, SITE, wanted)
            number += 1
            if number <= MENU:
                slot = refreshments.SlotInput(item=made.id, capacity=9)
                refreshments.put_slot(work, SITE, MACHINE, 10 + number, slot)
                full = refreshments.Refill(count=9)
                refreshments.refill(work, SITE, MACHINE, 10 + number, full)
                self.taken.setdefault("menu", []).append(text)

        self.everywhere("item", item, by=self.admin)
        slots = [
            SlotState(slot=each, condition=SlotCondition.READY) for each in range(1, 11 + MENU)
        ]
        state = ControllerState(
            boot=BOOT,
            uptime_ms=2_000,
            since_ms=0,
            lock=Lock.LOCKED,
            contact=Contact.CLOSED,
            slots=tuple(slots),
        )
        with self.office.begin(Principal.for_device(VENDING, SITE)) as work:
            device = work.session.get_one(Device, VENDING)
            reports.door_state(work, device, state, retained=False)

    def _invited(self) -> tuple[Visit, list[Visitor]]:
        """Invite guests who are called so where a name may be so."""
        named: list[tuple[str, str]] = []
        for text in self.texts[::4]:
            with suppress(ValidationError):
                NewVisitor(name=text, company=text, email="guest@visitor.example")
                named.append((text, text))
                self.taken.setdefault("guest", []).append(text)
        return self.invite(*named, as_host=True)

    def _meet(self) -> None:
        goes_through(self, self.guest, "main-gate-in")
        self.enters(*self.guests, "host")
        self.minutes_pass(3)
        came = [self.guest.id]
        self.together(
            "correction",
            lambda work, text: meetings.correct(
                work, self.visit.id, meetings.NewCorrection(reason=text, came=came)
            ),
            by=self.admin,
        )
        self.together(
            "let-through",
            lambda work, text: access.open_portal(
                work,
                SITE,
                PortalId("sakura-door"),
                access.OpenPortal(reason=text, visitor=self.guest.id),
            ),
            by=self.admin,
            line=True,
        )

    def _chat(self) -> None:
        """Let all be said in a few conversations, and guests take a nickname in their own."""
        with self.office.begin(SYSTEM) as work:
            own = [chats.open_for_visitor(work, each.id, Language.EN).id for each in self.guests]
        for where, text in zip(own, self.texts[1::4], strict=False):
            with suppress(ValidationError, GenkanError), self.office.begin(SYSTEM) as work:
                chats.call_oneself(work, where, _NICKNAME.validate_python(text))
                chats.say(work, where, "Good day", author=chats.Author.VISITOR)
                self.taken.setdefault("nickname", []).append(text)
        lines = self._lots(_LINES)
        attached = iter([file for name in self.texts for file in _named(name)])
        said = len(lines) // MESSAGES + 1
        self.conversations = own[:said]
        for number, together in enumerate(lines):
            self.clock.advance(A_MINUTE)
            self._said(together, list(islice(attached, FILES_AT_ONCE)), own[number // MESSAGES])

    def _said(
        self, lines: Sequence[str], attached: Sequence[files.Checked], where: ConversationId
    ) -> None:
        for author in (chats.Author.VISITOR, chats.Author.HOST):
            with self.office.begin(SYSTEM) as work:
                chats.say(work, where, "\n".join(lines), attached, author=author)
            self.taken.setdefault(f"said by {author}", []).extend(lines)

    def _afterwards(self) -> None:
        everybody = iter(self.guests)

        def comment(work: Work, text: str) -> None:
            said = surveys.NewSurveyAnswer(score=1, comment=text, language=Language.EN)
            made = surveys.answer_survey(work, next(everybody).id, said)
            surveys.reply_to_comment(work, made.id, surveys.SurveyReply(text=text))

        self.together("comment", comment, by=self.admin)
        with self.office.begin(SYSTEM) as work:
            visits.check_out(work, self.gone.id, CheckOutKind.GUARD)


def _named(name: str) -> list[files.Checked]:
    """Return a file of this name, where a file may be called so."""
    try:
        return [files.checked(name, _PDF)]
    except GenkanError:
        return []
