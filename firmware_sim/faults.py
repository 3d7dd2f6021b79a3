"""What can be done to a simulated portal on purpose: by people, by electricity, by the network.

Each fault is one JSON object, the same in a scenario file, on the command line and in a test.
"""

import re
from typing import Annotated, ClassVar, get_args

import msgspec

from firmware_sim.line import Way

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
_Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
_Slot = Annotated[int, msgspec.Meta(ge=1, le=255)]


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="do",
    tag=_snake_case,
):
    """One thing that is done to a portal; `SENTENCE` tells it."""

    SENTENCE: ClassVar[str]


class CutPower(Fault, frozen=True):
    """The mains fail, and come back where `for_seconds` says when."""

    SENTENCE: ClassVar[str] = "the mains fail"
    for_seconds: _Seconds | None = None


class RestorePower(Fault, frozen=True):
    """The mains come back."""

    SENTENCE: ClassVar[str] = "the mains come back"


class Freeze(Fault, frozen=True):
    """The processor hangs with its outputs as they are; its watchdog resets it."""

    SENTENCE: ClassVar[str] = "the processor hangs"


class Reset(Fault, frozen=True):
    """The processor is reset at once."""

    SENTENCE: ClassVar[str] = "the processor is reset"


class Messages(Fault, frozen=True):
    """Messages to and from the broker are dropped, doubled, reordered or late, until mended."""

    SENTENCE: ClassVar[str] = "messages get lost, late or doubled"
    drop: _Probability = 0.0
    duplicate: _Probability = 0.0
    reorder: _Probability = 0.0
    shortest_delay_ms: _Milliseconds = 0
    longest_delay_ms: _Milliseconds = 0
    way: Way = Way.BOTH
    seed: int | None = None
    for_seconds: _Seconds | None = None


class MendMessages(Fault, frozen=True):
    """Messages go through again."""

    SENTENCE: ClassVar[str] = "messages go through again"


class BounceContact(Fault, frozen=True):
    """The door's contact opens and closes so many times, and then says the truth again."""

    SENTENCE: ClassVar[str] = "the contact bounces"
    times: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 10
    every_ms: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 4


class StickBolt(Fault, frozen=True):
    """The bolt sticks where it is and does not follow the relay."""

    SENTENCE: ClassVar[str] = "the bolt sticks"


class FreeBolt(Fault, frozen=True):
    """The bolt follows the relay again."""

    SENTENCE: ClassVar[str] = "the bolt moves again"


class OpenCase(Fault, frozen=True):
    """Somebody opens the controller's case."""

    SENTENCE: ClassVar[str] = "somebody opens the controller's case"


class CloseCase(Fault, frozen=True):
    """The case is closed again."""

    SENTENCE: ClassVar[str] = "the case is closed again"


class PressExit(Fault, frozen=True):
    """Somebody holds the exit button."""

    SENTENCE: ClassVar[str] = "somebody holds the exit button"


class LetGoExit(Fault, frozen=True):
    """The exit button is let go."""

    SENTENCE: ClassVar[str] = "the exit button is let go"


class DemandFireRelease(Fault, frozen=True):
    """The fire panel demands release."""

    SENTENCE: ClassVar[str] = "the fire panel demands release"


class EndFireDemand(Fault, frozen=True):
    """The fire panel is quiet again; the release holds until it is reset."""

    SENTENCE: ClassVar[str] = "the fire panel is quiet again"


class ResetFireRelease(Fault, frozen=True):
    """Somebody resets the fire release with the key at the door."""

    SENTENCE: ClassVar[str] = "somebody resets the fire release by hand"


class Push(Fault, frozen=True):
    """Somebody outside pushes."""

    SENTENCE: ClassVar[str] = "somebody pushes"


class Shut(Fault, frozen=True):
    """The door falls shut."""

    SENTENCE: ClassVar[str] = "the door falls shut"


class Leave(Fault, frozen=True):
    """Somebody leaves by the exit button."""

    SENTENCE: ClassVar[str] = "somebody leaves by the exit button"


class Force(Fault, frozen=True):
    """Somebody forces the way in."""

    SENTENCE: ClassVar[str] = "somebody forces the way in"


class Jam(Fault, frozen=True):
    """A bottle wedges the spiral of a slot."""

    SENTENCE: ClassVar[str] = "a bottle wedges the spiral"
    slot: _Slot = 1


class Shake(Fault, frozen=True):
    """Somebody shakes the machine until a bottle falls."""

    SENTENCE: ClassVar[str] = "somebody shakes the machine"
    slot: _Slot = 1


class BreakDropSensor(Fault, frozen=True):
    """The drop sensor sees nothing any more."""

    SENTENCE: ClassVar[str] = "the drop sensor fails"


class MendDropSensor(Fault, frozen=True):
    """The drop sensor sees again."""

    SENTENCE: ClassVar[str] = "the drop sensor sees again"


class OpenService(Fault, frozen=True):
    """Somebody with the key opens the machine."""

    SENTENCE: ClassVar[str] = "somebody opens the machine with the key"


class Restock(Fault, frozen=True):
    """Somebody fills a slot and frees its spiral; the service door must stand open."""

    SENTENCE: ClassVar[str] = "a slot is filled"
    slot: _Slot = 1
    bottles: Annotated[int, msgspec.Meta(ge=0, le=100)] = 8


class CloseService(Fault, frozen=True):
    """The machine is locked again."""

    SENTENCE: ClassVar[str] = "the machine is locked again"


class Look(Fault, frozen=True):
    """Nothing is done; somebody looks."""

    SENTENCE: ClassVar[str] = "somebody looks"


AnyFault = (
    CutPower | RestorePower | Freeze | Reset | Messages | MendMessages | BounceContact
    | StickBolt | FreeBolt | OpenCase | CloseCase | PressExit | LetGoExit | DemandFireRelease
    | EndFireDemand | ResetFireRelease | Push | Shut | Leave | Force | Jam | Shake | BreakDropSensor
    | MendDropSensor | OpenService | Restock | CloseService | Look
)  # fmt: skip

SENTENCES: dict[str, str] = {
    str(kind.__struct_config__.tag): kind.SENTENCE for kind in get_args(AnyFault)
}
"""What each fault tells people, by its name."""
