"""A room whose gate the server cannot hear for the whole meeting, and what it reports of it afterwards.

The server's worker and live process reach the site's broker over a line that can be cut, as where the server stands
in another building. A gate and its controller meet at the broker, and go on without the server.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from access_protocol.events import Outcome
from demo.acts import invitation
from demo.caller import PATIENCE, wait_for
from demo.cast import DOOR, ENTRANCE, OUT_OF_ROOM, ROOM, TURNSTILE, Bearer, Cast
from demo.scene import Scene
from demo.stage import Stage
from demo.timeline import StepFailedError, Timeline
from tests.faults import records
from tests.faults.history import Entry, Word
from tests.faults.proxy import FAIR, Line, Weather

pytestmark = [pytest.mark.broker, pytest.mark.long]

GATE = "gate-3"
DOWN = Weather(down=True)
TRIES = 4
REPORTED_WITHIN_S = 240.0
"""A gate asks less and less often whether its journal can be taken: once in a minute at last."""
MEETS = timedelta(seconds=5)
LATE = timedelta(minutes=2)


@dataclass
class ServerElsewhere(Stage):
    """A stage whose server is reached over a line; its controllers write down what they say, for programs."""

    line: Line = field(init=False)

    def start_server(self) -> None:
        """Start each process of the server by itself; two of them have the line to the broker."""
        self.line = self._open.enter_context(Line(self.broker_port))
        over = {"GENKAN_BROKER_PORT": str(self.line.port)}
        for name, settings in (("broker", {}), ("worker", over), ("web", {}), ("live", over)):
            self._start(name, ["server", name], ready=f"{name} ready", **settings)

    def start_controller(self, kind: str, device: str, code: str, people: str) -> None:
        """Start a controller that says with `--json` what happens, and when by its own clock."""
        arguments = ["firmware_sim", kind, "--id", device, "--people", people, "--json"]
        arguments += ["--state-folder", str(self.folder / device)]
        self._start(device, [*arguments, "--enrol-url", self.url, "--code", code], ready="ready")

    def journal(self) -> list[Entry]:
        """Return what the room's gate wrote down."""
        return list(records.journaled(GATE, [self.folder / GATE / "journal.sqlite3"]))

    def ledger(self) -> list[Entry]:
        """Return what the server stored of the room's gate."""
        database = self.folder / "server" / "genkan.sqlite3"
        return [each for each in records.stored(database) if each.gate == GATE]

    def words(self) -> list[Word]:
        """Return what the room's door said, by its own record."""
        return list(records.words_in(self.programs[DOOR].output))


@dataclass(frozen=True)
class Meeting:
    """One meeting during which the server heard nothing, and what it said of it then."""

    cast: Cast
    stage: ServerElsewhere
    entries: tuple[Entry, ...]
    """What the gate journaled meanwhile."""
    words: tuple[Word, ...]
    """What the door said meanwhile."""
    meanwhile: dict[str, Any]
    """The record of the meeting as it stood before the server heard anything."""
    known: tuple[Entry, ...]
    """What the server's ledger had of these entries by then."""
    heard_again: datetime

    def times(self, point: str, what: Outcome = Outcome.OPENED) -> list[datetime]:
        """Return when the gate heard of its door what it did for somebody at one side, in order."""
        return [
            entry.at
            for entry in self.entries
            if entry.access_point == point and entry.outcome == what
        ]

    def record(self) -> dict[str, Any]:
        """Return the record of the meeting now."""
        found: dict[str, Any] = self.cast.host.get(f"/api/v1/meetings/{self.cast.visit['id']}")
        return found


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meeting]:
    """A visitor and a host meet while the server is cut off; then the line is mended and all is reported."""
    with (
        ServerElsewhere(folder=tmp_path_factory.mktemp("stage")) as stage,
        ExitStack() as stack,
    ):
        scene = Scene(stage, Timeline())
        scene.sets_up()
        cast, _ = scene.gathers(stack)
        comes_in(cast)
        cast.host_phone.pass_picture("full")
        before, said = len(stage.journal()), len(stage.words())
        stage.line.becomes(DOWN)
        cast.waits("the room to count as silent", lambda: record(cast)["silent_since"])

        host = goes_through(cast, stage, ROOM, cast.visitor, cast.host_phone)
        assert host is not None
        wait_until(host + MEETS)
        goes_through(cast, stage, OUT_OF_ROOM, cast.visitor, cast.host_phone)
        entries, words = tuple(stage.journal()[before:]), tuple(stage.words()[said:])
        meanwhile = record(cast)
        known = tuple(each for each in stage.ledger() if each in entries)

        heard_again = datetime.now(UTC)
        stage.line.becomes(FAIR)
        found = Meeting(cast, stage, entries, words, meanwhile, known, heard_again)
        reported(found, lambda: set(entries) <= set(stage.ledger()), "the journal")
        reported(found, lambda: {told(each) for each in words} <= heard(cast), "the door’s words")
        reported(found, lambda: found.record()["silent_since"] is None, "the room’s being back")
        yield found


def comes_in(cast: Cast) -> None:
    """Invite the visitor, and let them through the gate while all is well."""
    invitation.is_made(cast)
    cast.visitor.opens_invitation()
    cast.visitor.agrees()
    cast.visitor.opens_pass()
    event = cast.shows_pass(ENTRANCE, cast.visitor, "short")
    cast.ledger.reported(event, TURNSTILE, "passed")


def record(cast: Cast) -> dict[str, Any]:
    """Return the record of the meeting as the host sees it."""
    found: dict[str, Any] = cast.host.get(f"/api/v1/meetings/{cast.visit['id']}")
    return found


def goes_through(
    cast: Cast, stage: ServerElsewhere, point: str, *people: Bearer
) -> datetime | None:
    """Let people through the room's door one after the other; return when it opened for the last of them."""
    opened: datetime | None = None
    for who in people:
        opened = opens(cast, stage, point, who)
    return opened


def opens(cast: Cast, stage: ServerElsewhere, point: str, who: Bearer) -> datetime:
    """Hold a pass before the room's camera until its gate journals that the door opened; return when."""
    before = len(stage.journal())

    def journaled() -> Entry | None:
        new = stage.journal()[before:]
        return next((each for each in new if each.outcome == Outcome.OPENED), None)

    for left in reversed(range(TRIES)):
        cast.holds(point, f"late-{left}", who.pass_picture("full"))
        try:
            found = wait_for(f"the door at {point}", journaled, PATIENCE / TRIES)
        except StepFailedError:
            if not left:
                raise
        else:
            falls_shut(stage, found.event)
            return found.at
    raise AssertionError


def falls_shut(stage: ServerElsewhere, event: str) -> None:
    """Wait until the door said, after it opened for an access, that it is shut: then the next one comes."""

    def shut() -> bool | None:
        said = [w.what for w in stage.words() if w.event == event or w.what == "closed"]
        return True if "opened" in said and "closed" in said[said.index("opened") :] else None

    wait_for("the door to fall shut", shut)


def wait_until(moment: datetime) -> None:
    """Let people sit together for a little while."""
    wait_for("the meeting", lambda: datetime.now(UTC) >= moment or None)


def reported(found: Meeting, true: Callable[[], bool], what: str) -> None:
    """Wait until the server was told."""
    wait_for(what, lambda: true() or None, REPORTED_WITHIN_S)
    assert found.entries


def heard(cast: Cast) -> set[tuple[str, str | None]]:
    """Return what the server has of the room's door: each word, and the access that it belongs to."""
    items = cast.admin.get(f"/api/v1/devices/{DOOR}/events", limit=100)["items"]
    return {(each["what"], each["event"]) for each in items}


def told(word: Word) -> tuple[str, str | None]:
    """Return a word of the door as the server lists it."""
    return word.what, word.event


def moment(fact: dict[str, Any]) -> datetime:
    """Return when a fact of the record happened."""
    return datetime.fromisoformat(fact["at"])


def test_the_gate_decides_and_the_door_opens_while_the_server_hears_nothing(
    meeting: Meeting,
) -> None:
    granted = [each for each in meeting.entries if each.granted]

    assert [each.access_point for each in granted] == [ROOM, ROOM, OUT_OF_ROOM, OUT_OF_ROOM]
    assert len({each.credential for each in granted}) == 2
    assert granted[0].credential == meeting.cast.visitor.known
    opened = [each.event for each in meeting.words if each.what == "opened"]
    assert opened == [each.event for each in granted]


def test_meanwhile_the_record_says_that_it_does_not_know(meeting: Meeting) -> None:
    assert meeting.known == ()
    assert meeting.meanwhile["state"] == "waiting"
    assert (meeting.meanwhile["started"], meeting.meanwhile["ended"]) == (None, None)
    assert all(each["entered"] is None for each in meeting.meanwhile["participants"])
    assert moment({"at": meeting.meanwhile["silent_since"]}) < meeting.entries[0].at


def test_the_late_report_gives_the_record_the_times_that_the_gate_wrote_down(
    meeting: Meeting,
) -> None:
    cast, found = meeting.cast, meeting.record()
    (visitor_in, host_in), (visitor_out, host_out) = (
        meeting.times(ROOM),
        meeting.times(OUT_OF_ROOM),
    )

    assert host_out < meeting.heard_again
    assert found["state"] == "ended"
    assert moment(found["started"]) == host_in
    assert moment(found["ended"]) == visitor_out
    late = host_in - datetime.fromisoformat(cast.visit["starts_at"])
    assert found["late_s"] == late // timedelta(seconds=1)
    assert late > LATE
    assert found["doubts"] == []
    parts = {each["visitor"] or each["person"]: each for each in found["participants"]}
    assert len(parts) == 2
    for who, came, left in (
        (cast.visit["visitors"][0]["id"], visitor_in, visitor_out),
        (cast.visit["host"], host_in, host_out),
    ):
        assert parts[who]["standing"] == "left"
        assert (moment(parts[who]["entered"]), moment(parts[who]["left"])) == (came, left)
        assert parts[who]["entered"]["certainty"] == "passed"


def test_the_doors_own_record_and_the_gates_are_of_the_same_second(meeting: Meeting) -> None:
    opened = {each.event: each.at for each in meeting.words if each.what == "opened"}

    for point in (ROOM, OUT_OF_ROOM):
        for entry in meeting.entries:
            if entry.access_point == point and entry.outcome == Outcome.OPENED:
                assert abs(entry.at - opened[entry.event]) < timedelta(seconds=1)


def test_everything_that_was_journaled_is_in_the_ledger_once(meeting: Meeting) -> None:
    stored = Counter(meeting.stage.ledger())

    assert {entry: stored[entry] for entry in meeting.entries} == dict.fromkeys(meeting.entries, 1)
    assert max(Counter(entry.place for entry in stored.elements()).values()) == 1
    assert meeting.cast.guard.get("/api/v1/access/alarms")["items"] == []
    items = meeting.cast.admin.get(f"/api/v1/devices/{DOOR}/events", limit=100)["items"]
    about = {each.event for each in meeting.entries}
    opened = [each["event"] for each in items if each["what"] == "opened"]
    assert Counter(each for each in opened if each in about) == Counter(
        {each.event: 1 for each in meeting.entries if each.outcome == Outcome.OPENED}
    )


def test_attendance_and_timeline_tell_when_it_was_and_not_when_it_was_told(
    meeting: Meeting,
) -> None:
    cast, visit = meeting.cast, meeting.cast.visit["id"]
    came, left = meeting.times(ROOM)[0], meeting.times(OUT_OF_ROOM)[0]

    (row,) = cast.host.get("/api/v1/attendance", visit=visit)["items"]
    assert datetime.fromisoformat(row["entered_at"]) == came
    lines = cast.host.get(f"/api/v1/visits/{visit}/timeline")["items"]
    about = [each for each in lines if each["kind"] in {"door", "meeting"}]
    seconds = {(each["kind"], second(datetime.fromisoformat(each["at"]))) for each in about}
    decided = [each.at for each in meeting.entries if each.granted]
    visitors = {("door", second(decided[0])), ("door", second(decided[2]))}
    met = {("meeting", second(meeting.times(ROOM)[1])), ("meeting", second(left))}
    assert visitors | met <= seconds
    late = [each for each in about if datetime.fromisoformat(each["at"]) >= meeting.heard_again]
    assert late == []


def second(at: datetime) -> int:
    """Return the second in which something happened."""
    return int(at.timestamp())
