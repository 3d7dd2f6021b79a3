"""What a measurement says, and the one line of JSON it is printed as."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Protocol, Self, TypeAlias, TypeVar

T = TypeVar("T")


class Skipped(Exception):
    """Why a measurement cannot be made here, in words for the person who asked for it."""


class Track(Protocol):
    """Goes through items and shows how far it is."""

    def __call__(self, items: Iterable[T], what: str, total: int | None = None, /) -> Iterator[T]:
        """Give the items one after the other; `total` where their number cannot be asked."""
        ...


@dataclass(frozen=True)
class Result:
    """One measured figure beside its baseline, which was measured in the same run."""

    name: str
    unit: str
    n: int
    """Number of samples."""
    median: float
    p95: float | None
    p99: float | None
    baseline: float | None
    baseline_is: str
    """What the baseline is, in a few words."""
    more: dict[str, object] = field(default_factory=dict[str, object])
    """Further keys of this measurement alone."""

    @classmethod
    def of(
        cls,
        name: str,
        unit: str,
        samples: Sequence[float],
        *,
        baseline: float | None = None,
        baseline_is: str = "",
        **more: object,
    ) -> Self:
        """The figure for `samples`, of which there has to be one at least."""
        p95, p99 = percentile(samples, 95), percentile(samples, 99)
        return cls(name, unit, len(samples), median(samples), p95, p99, baseline, baseline_is, more)

    def line(self) -> str:
        """The JSON object, on one line."""
        ratio = self.median / self.baseline if self.baseline else None
        return json.dumps(
            {
                "name": self.name,
                "unit": self.unit,
                "n": self.n,
                "median": _rounded(self.median),
                "p95": _rounded(self.p95),
                "p99": _rounded(self.p99),
                "baseline": _rounded(self.baseline),
                "ratio": _rounded(ratio),
                "baseline_is": self.baseline_is,
                **self.more,
            },
            ensure_ascii=False,
        )


Bench: TypeAlias = Callable[[Track], Iterable[Result]]
"""A measurement: yields its results; raises `Skipped` where it cannot be made."""


def percentile(samples: Sequence[float], percent: int) -> float:
    """The sample below which `percent` of 100 lie, between two samples where it falls so."""
    if len(samples) == 1:
        return samples[0]
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def _rounded(value: float | None) -> float | None:
    """Four digits that count: more would pretend."""
    return None if value is None else float(f"{value:.4g}")
