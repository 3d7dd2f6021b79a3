"""What gets installed is pinned and hashed, names no registry, and keeps each program small."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.architecture.source import ROOT

LOCKS = ("dev", "gate", "server", "sim")
PIN = re.compile(
    r"^(?P<package>[a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==(?P<version>[^\s;\\]+)", re.MULTILINE
)


def _lock(extra: str) -> str:
    return (ROOT / "requirements" / f"{extra}.txt").read_text("utf-8")


def _pins(extra: str) -> dict[str, str]:
    return {match["package"]: match["version"] for match in PIN.finditer(_lock(extra))}


def _asked(extra: str) -> set[str]:
    """The packages that pyproject.toml asks for, with the extras of our own that it refers to."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted: set[str] = set()
    pending = [extra]
    lines = list(project["dependencies"])
    while pending:
        lines += project["optional-dependencies"][pending.pop()]
        while lines:
            requirement = Requirement(lines.pop())
            if requirement.name == project["name"]:
                pending += requirement.extras
            else:
                wanted.add(re.sub(r"[-_.]+", "-", requirement.name).lower())
    return wanted


@pytest.mark.parametrize("extra", LOCKS)
def test_a_lock_names_no_registry(extra: str) -> None:
    options = [line for line in _lock(extra).splitlines() if line.lstrip().startswith("-")]
    assert not re.search(r"https?://|file://", _lock(extra))
    assert not [line for line in options if not line.lstrip().startswith("--hash=sha256:")]


@pytest.mark.parametrize("extra", LOCKS)
def test_every_pin_has_a_hash(extra: str) -> None:
    entries = [line for line in _lock(extra).splitlines() if re.match(r"^[a-z0-9]", line)]
    assert entries
    assert not [line for line in entries if not PIN.match(line) or not line.endswith("\\")]


@pytest.mark.parametrize("extra", LOCKS)
def test_a_lock_holds_all_that_its_program_asks_for(extra: str) -> None:
    assert _asked(extra) <= _pins(extra).keys()


@pytest.mark.parametrize("extra", ["gate", "server", "sim"])
def test_a_program_runs_with_the_versions_that_were_tested(extra: str) -> None:
    tested = _pins("dev")
    assert {(package, tested.get(package)) for package in _pins(extra)} == set(_pins(extra).items())


@pytest.mark.parametrize("extra", ["gate", "sim"])
def test_a_device_needs_neither_flask_nor_a_database_layer(extra: str) -> None:
    assert not {"flask", "granian", "sqlalchemy", "sqlmodel", "starlette"} & _pins(extra).keys()


def test_the_server_needs_no_camera_library() -> None:
    assert not {"opencv-python-headless", "pyzbar", "zxing-cpp"} & _pins("server").keys()
