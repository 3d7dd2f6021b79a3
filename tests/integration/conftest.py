"""What the tests of the broker share."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.ports import free_port
from server.kernel.clock import FixedClock
from tests.fakes.broker_scene import Scene
from tests.fakes.site import office_with_site, settings
from tests.services.template import SqliteTemplate


@pytest.fixture
def scene(tmp_path: Path, sqlite_template: SqliteTemplate) -> Iterator[Scene]:
    url = sqlite_template.copy(tmp_path / "genkan.sqlite3")
    office = office_with_site(url, tmp_path, FixedClock(datetime.now(UTC)))
    office.settings = settings(url, tmp_path, broker_port=free_port())
    made = Scene(office, office.settings)
    yield made
    made.close()
