"""Reads floor plans in the Indoor Mapping Data Format, and says of each mistake in which file, feature and field.

Here each feature is checked by itself; how they fit together is `assembly`. IMDF 1.0.0 is OGC 20-094, GeoJSON is
RFC 7946.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from server.kernel.errors import Invalid
from server.kernel.refusals import Reason, reason
from server.wayfinding import imdf_features as imdf
from server.wayfinding.plans import Words

MOST_FEATURES = 5000
MOST_MISTAKES = 30
"""So many are told at once; who mends them finds the others the next time."""
_SHAPES = frozenset({"Polygon", "MultiPolygon"})


class Mistake(NamedTuple):
    """Something that is wrong in a plan."""

    file: str
    feature: str
    """Which one: its number in the file from 1, and its id; empty where it is about the file as a whole."""
    field: str
    why: Reason


class NotAPlan(Invalid):
    """The files are no plan that can be read; `mistakes` says where and why."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Take the mistakes; at least one."""
        self.mistakes = list(mistakes)[:MOST_MISTAKES]
        super().__init__(
            [
                (
                    ", ".join(part for part in (each.file, each.feature, each.field) if part),
                    str(each.why),
                )
                for each in self.mistakes
            ]
        )


class Features(NamedTuple):
    """The features of a plan, each right by itself."""

    level: Sequence[imdf.LevelFeature]
    unit: Sequence[imdf.UnitFeature]
    opening: Sequence[imdf.OpeningFeature]
    amenity: Sequence[imdf.AmenityFeature]
    fixture: Sequence[imdf.FixtureFeature]
    relationship: Sequence[imdf.RelationshipFeature]


def parse(files: Mapping[str, object]) -> Features:
    """Return the features of a plan from its files' JSON by kind ("level", "unit", …); raises `NotAPlan`."""
    mistakes = [
        Mistake(f"{kind}.geojson", "", "", Reason("is needed"))
        for kind in imdf.NEEDED
        if kind not in files
    ]
    found: dict[str, list[Any]] = {kind: [] for kind in imdf.KINDS}
    left = MOST_FEATURES
    for kind, model in imdf.KINDS.items():
        listed = _listed(f"{kind}.geojson", files.get(kind), mistakes)
        left -= len(listed)
        if left < 0:
            too_many = Reason("must be %(most)s at most in all", {"most": MOST_FEATURES})
            mistakes.append(Mistake(f"{kind}.geojson", "", "features", too_many))
            break
        for number, each in enumerate(listed, start=1):
            try:
                found[kind].append(model.model_validate(each))
            except ValidationError as error:
                mistakes += _told(kind, number, each, error)
            if len(mistakes) >= MOST_MISTAKES:
                raise NotAPlan(mistakes)
    if mistakes:
        raise NotAPlan(mistakes)
    return Features(**found)


def _listed(file: str, content: object, mistakes: list[Mistake]) -> list[object]:
    if content is None:
        return []
    given = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    features = given.get("features")
    if given.get("type") != "FeatureCollection" or not isinstance(features, list):
        mistakes.append(Mistake(file, "", "", Reason("must be a GeoJSON FeatureCollection")))
        return []
    return cast("list[object]", features)


def _told(kind: str, number: int, feature: object, error: ValidationError) -> Iterable[Mistake]:
    own = cast("dict[str, object]", feature).get("id") if isinstance(feature, dict) else None
    for each in error.errors(include_url=False, include_input=False):
        # The shape that was chosen stands in the place where something is wrong; nobody wrote it there.
        place = ".".join(str(part) for part in each["loc"] if part not in _SHAPES)
        why = reason(each["type"], each["msg"], each.get("ctx", {}))
        yield Mistake(f"{kind}.geojson", called(number, own), place, why)


def called(number: int, own: object) -> str:
    """Return how a mistake names a feature: by its number in the file, from 1, and its id."""
    return f"feature {number} ({own[:64]})" if isinstance(own, str) and own else f"feature {number}"


def level_name(level: imdf.LevelFeature) -> Words:
    """Return what a level is called; it always is called something."""
    said = level.properties
    return Words(said.name or said.short_name or {"en": f"Level {said.ordinal}"})


def joined(feature: imdf.RelationshipFeature) -> list[str]:
    """Return the ids that a relationship names, in their order."""
    said = feature.properties
    every = [said.origin, *(said.intermediary or []), said.destination]
    return [each.id for each in every if each is not None]
