"""What the visit page is composed of: sections, each with a view and a template, the next step first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from server.pages.visitor.visiting import Visiting


@dataclass(frozen=True)
class Shown:
    """A section as it stands now."""

    values: Mapping[str, object] = field(default_factory=dict[str, object])
    """What its template reads as `part`."""
    asks: bool = False
    """Whether the visitor has something to do here. The first section that asks is the page's next step."""


class Section(NamedTuple):
    """One section of the page: `view` returns None where there is nothing to show."""

    name: str
    """Its template is visitor/parts/<name>.html."""
    view: Callable[[Visiting], Shown | None]


class Part(NamedTuple):
    """A section on its way into the page."""

    name: str
    values: Mapping[str, object]
    is_next: bool
    """Whether it is the next step: its button is the page's primary one, those of the others are quiet."""


def arranged(visiting: Visiting, sections: Sequence[Section], *, moves: bool = True) -> list[Part]:
    """Return the sections that have something to show, the next step first and the others in their order.

    `moves`: whether the next step comes before all others; where it does not, it stays in its place.
    """
    shown = [(each.name, found) for each in sections if (found := each.view(visiting)) is not None]
    following = next((name for name, found in shown if found.asks), None)
    parts = [Part(name, found.values, name == following) for name, found in shown]
    return sorted(parts, key=lambda part: not part.is_next) if moves else parts
