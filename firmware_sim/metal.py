"""How a machine's bottles and spirals stand, in a file: the metal of a simulated machine outlives its process."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

_MILLISECOND = timedelta(milliseconds=1)
_Count = Annotated[int, msgspec.Meta(ge=0)]


class SpiralStands(msgspec.Struct, frozen=True, kw_only=True):
    """One slot: its bottles, how far its spiral has turned from its home switch, whether it is wedged."""

    stock: _Count
    turned_ms: _Count = 0
    jammed: bool = False

    @property
    def turned(self) -> timedelta:
        """How far the spiral has turned."""
        return self.turned_ms * _MILLISECOND


class Metal(Protocol):
    """What stays as it is when the processor, or the whole simulator, is gone."""

    def found(self, stock: Mapping[int, int]) -> dict[int, SpiralStands]:
        """Return how the slots stand; `stock` is how the machine came, where nothing is known of it."""
        ...

    def note(self, slots: Mapping[int, SpiralStands]) -> None:
        """Take down how they stand now."""
        ...


class Forgotten:
    """A machine that is new at each start."""

    def found(self, stock: Mapping[int, int]) -> dict[int, SpiralStands]:
        """See `Metal.found`."""
        return {slot: SpiralStands(stock=bottles) for slot, bottles in stock.items()}

    def note(self, slots: Mapping[int, SpiralStands]) -> None:
        """See `Metal.note`."""


class MetalFile:
    """A `Metal` in a file of the simulator's folder, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written before it is asked for."""
        self._path = path

    def found(self, stock: Mapping[int, int]) -> dict[int, SpiralStands]:
        """See `Metal.found`; a file of a machine with other slots, or none of ours, is of another machine."""
        try:
            known = msgspec.json.decode(self._path.read_bytes(), type=dict[int, SpiralStands])
        except (FileNotFoundError, msgspec.MsgspecError):
            known = {}
        return known if known.keys() == stock.keys() else Forgotten().found(stock)

    def note(self, slots: Mapping[int, SpiralStands]) -> None:
        """See `Metal.note`."""
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(dict(slots)))
        fresh.replace(self._path)
