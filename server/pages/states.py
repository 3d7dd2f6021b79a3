"""How a state looks: the icon, the word and the tone that every page gives it."""

from collections.abc import Container, Sequence
from typing import NamedTuple

from access_protocol.decision import CommandRefusal
from access_protocol.events import Alarm, Outcome
from server.access.models import CommandState
from server.notifications.actions import JoinState, MessengerKind
from server.pages.whereabouts import Stage
from server.people.actions import Role
from server.visits.actions import CheckOutKind, TermsKind
from server.web.languages import gettext


class Badge(NamedTuple):
    """A state as it is shown: never a colour alone."""

    tone: str
    """good, bad, waiting, or nothing for what is neither."""
    icon: str
    """A symbol in static/icons.svg."""
    word: str


def granted() -> Badge:
    """Access was granted."""
    return Badge("good", "granted", gettext("Granted"))


def refused() -> Badge:
    """Access was refused."""
    return Badge("bad", "refused", gettext("Refused"))


def connection(status: str) -> Badge:
    """Whether a device is at the broker, as the broker knows it."""
    match status:
        case "online":
            return Badge("good", "online", gettext("Online"))
        case "offline":
            return Badge("bad", "offline", gettext("Offline"))
        case _:
            return Badge("waiting", "unknown", gettext("Unknown"))


def lock(state: str) -> Badge:
    """What a controller says of its lock."""
    match state:
        case "locked":
            return Badge("", "locked", gettext("Locked"))
        case "unlocked":
            return Badge("good", "unlocked", gettext("Unlocked"))
        case "locked_down":
            return Badge("bad", "locked", gettext("Locked down"))
        case _:
            return Badge("waiting", "unknown", gettext("Lock unknown"))


def contact(state: str) -> Badge:
    """What a controller says of its contact."""
    match state:
        case "closed":
            return Badge("", "doors", gettext("Closed"))
        case "open":
            return Badge("good", "door-open", gettext("Open"))
        case _:
            return Badge("waiting", "unknown", gettext("Contact unknown"))


def visit(state: str) -> Badge:
    """Where a visit stands."""
    match state:
        case "pending":
            return Badge("waiting", "waiting", gettext("Waits for approval"))
        case "confirmed":
            return Badge("", "visits", gettext("Expected"))
        case "declined":
            return Badge("bad", "refused", gettext("Declined"))
        case "cancelled":
            return Badge("bad", "cancelled", gettext("Cancelled"))
        case "under_way":
            return Badge("good", "clock", gettext("Under way"))
        case _:
            return Badge("", "clock", gettext("Over"))


def stage(reached: Stage) -> Badge:
    """How far a visitor has come; who waits for their host is marked."""
    return {
        Stage.INVITED: Badge("", "visits", gettext("Expected")),
        Stage.ON_THE_WAY: Badge("", "onward", gettext("On the way")),
        Stage.NEAR: Badge("waiting", "place", gettext("Nearby")),
        Stage.ARRIVED: Badge("waiting", "door-open", gettext("At the entrance")),
        Stage.AT_GATE: Badge("good", "gate", gettext("Through the gate")),
        Stage.IN_ROOM: Badge("good", "room", gettext("In the room")),
        Stage.LEFT: Badge("", "sign-out", gettext("Left")),
        Stage.DECLINED: Badge("bad", "cancelled", gettext("Cannot come")),
    }[reached]


def alarm(alarm: Alarm) -> str:
    """What a controller complains about, and what to do."""
    match alarm:
        case Alarm.HELD_OPEN:
            return gettext("Held open for too long. Please see that it is closed.")
        case Alarm.FORCED_OPEN:
            return gettext("Opened by force. Please send somebody there.")
        case Alarm.BOLT_STUCK:
            return gettext("The bolt does not move as commanded. Please have it looked at.")
        case Alarm.TAMPER:
            return gettext("The controller or its wiring was tampered with. Please look after it.")
        case Alarm.JAMMED:
            return gettext("A slot is jammed. Please open the machine and clear it.")


def refusal(why: CommandRefusal | None) -> str:
    """Why a controller refused, where the one who asked can do something about it."""
    match why:
        case CommandRefusal.LOCKED_DOWN:
            return gettext("It is locked down.")
        case CommandRefusal.RELAY_LIMIT:
            return gettext("It was opened too often within a minute. Please wait a little.")
        case CommandRefusal.BUSY:
            return gettext("Too many are on their way through. Please wait a little.")
        case CommandRefusal.UNKNOWN_SENDER:
            return gettext("It does not know the server’s key yet. Please try again in a minute.")
        case _:
            return ""


def commanded(state: CommandState) -> str:
    """How an operator's command stands; whether the door opened is the door's own state."""
    words = {
        CommandState.WAITING: gettext("Waiting"),
        CommandState.DONE: gettext("Done"),
        CommandState.EXPIRED: gettext("Expired"),
        CommandState.NO_ANSWER: gettext("No answer"),
        CommandState.REFUSED: gettext("Refused"),
    }
    return words.get(state, "")


def outcome(reported: Sequence[Outcome]) -> str:
    """What became of a granted access, in the controller's own words; the last one counts."""
    if not reported:
        return ""
    words = {
        Outcome.OPENED: gettext("Opened"),
        Outcome.REFUSED: gettext("The controller refused"),
        Outcome.NO_ANSWER: gettext("The controller did not answer"),
        Outcome.PASSED: gettext("Passed"),
        Outcome.NOT_PASSED: gettext("Nobody passed"),
        Outcome.DISPENSED: gettext("Dispensed"),
        Outcome.NOT_DISPENSED: gettext("Nothing dropped"),
    }
    return words[reported[-1]]


def document(kind: TermsKind) -> str:
    """What a document is called to which visitors agree."""
    match kind:
        case TermsKind.HOUSE_RULES:
            return gettext("House rules")
        case TermsKind.NDA:
            return gettext("Confidentiality agreement")


def messenger(kind: MessengerKind) -> str:
    """The name by which people know a messenger."""
    match kind:
        case MessengerKind.LINE:
            return "LINE"
        case MessengerKind.WECOM:
            return gettext("WeChat")


def joined(state: JoinState) -> Badge:
    """Whether somebody who joined a messenger can be written to."""
    match state:
        case JoinState.JOINED:
            return Badge("good", "message", gettext("Joined"))
        case JoinState.MUTE:
            return Badge("waiting", "waiting", gettext("Waits for a message"))
        case JoinState.BLOCKED:
            return Badge("bad", "close", gettext("Blocked"))


def left(how: CheckOutKind) -> Badge:
    """Return that a visitor has left, and how that is known."""
    words = {
        CheckOutKind.EXIT_GATE: gettext("Left through the gate"),
        CheckOutKind.BY_ITSELF: gettext("Taken to have left"),
        CheckOutKind.GUARD: gettext("Checked out by a guard"),
    }
    return Badge("", "sign-out", words[CheckOutKind(how)])


def score(given: int) -> str:
    """How a visitor liked it: the number, and the word that they read beside it."""
    words = {
        5: gettext("Very good"),
        4: gettext("Good"),
        3: gettext("All right"),
        2: gettext("Not good"),
        1: gettext("Bad"),
    }
    return f"{given} · {words[given]}"


def roles(held: Container[Role]) -> str:
    """What somebody does here, in words."""
    words = {
        Role.ADMINISTRATOR: gettext("Administrator"),
        Role.SECURITY: gettext("Security"),
        Role.RECEPTION: gettext("Reception"),
        Role.HOST: gettext("Host"),
    }
    return ", ".join(words[role] for role in Role if role in held)
