"""The suite in its short form: whatever fails, nothing is lost, doubled, made up or opened wrongly."""

from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.figures import SEED, Fault, Figure
from tests.faults.installation import Installation
from tests.faults.suite import FAULTS


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One whole installation, on which one fault after the other is played."""
    with Installation(tmp_path_factory.mktemp("installation"), Random(SEED)) as site:
        yield site


@pytest.mark.broker
@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_nothing_is_lost_doubled_made_up_or_opened_wrongly(
    fault: Fault, request: pytest.FixtureRequest
) -> None:
    site: Installation | None = (
        request.getfixturevalue("installation") if fault.needs_installation else None
    )
    scene = fault.scene(site)
    figure = Figure(fault, scene.runs, fault.play(scene))
    assert figure.wrong == [], f"{figure.line()} (repeat with FAULTS_SEED={SEED})"
