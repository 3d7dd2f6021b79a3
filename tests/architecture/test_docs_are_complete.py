"""Every topic, reason, command, group of API routes and make target stands in the docs, and links lead somewhere.

What has to be there is read from the code, never from a list kept here.
"""

import importlib
import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.topics import WRITES, Kind, Subject
from tests.architecture.source import PROSE, ROOT, name, prose

PROGRAMS = ("server", "gate_agent", "firmware_sim")
PAGES = sorted({page for pattern in PROSE for page in ROOT.glob(pattern)})
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
LONGEST_DECISION = 60
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s#]*)(#[^)\s]+)?\)")


def _commands(program: str) -> list[str]:
    """Each command as a person types it, those of groups included."""
    app: typer.Typer = importlib.import_module(f"{program}.command_line").app
    pending = [(f"python -m {program}", get_command(app))]
    typed: list[str] = []
    while pending:
        words, command = pending.pop()
        if isinstance(command, TyperGroup):
            pending += [(f"{words} {word}", below) for word, below in command.commands.items()]
        else:
            typed.append(words)
    return sorted(typed)


@pytest.mark.parametrize(
    ("kind", "subject"), [(kind, subject) for kind in WRITES for subject in WRITES[kind]]
)
def test_a_topic_stands_in_the_protocol_page(kind: Kind, subject: Subject) -> None:
    assert f"| `{kind}` | `{subject}` |" in prose("docs/protocol.md")


@pytest.mark.parametrize("reason", [*DenyReason, *CommandRefusal])
def test_a_reason_stands_in_the_protocol_page(reason: DenyReason | CommandRefusal) -> None:
    assert f"`{reason.value}`" in prose("docs/protocol.md")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_stands_in_the_operations_page(program: str) -> None:
    commands = _commands(program)
    assert commands
    page = prose("docs/operations.md")
    assert not [command for command in commands if not re.search(rf"`{command}[` ]", page)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_docs_name_no_command_that_is_not_there(program: str) -> None:
    named = set(re.findall(rf"python -m {program} ([a-z][a-z-]+)", prose()))
    known = {command.split()[3] for command in _commands(program)}
    assert named
    assert named <= known


def test_every_make_target_stands_in_the_docs() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert targets
    assert not [
        target for target in targets if target != "help" and f"make {target}" not in prose()
    ]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    broken = [
        target + anchor
        for target, anchor in LINK.findall(text)
        if not _leads_somewhere(page.parent / target if target else page, anchor)
    ]
    assert not broken


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_says_context_decision_and_consequences_on_one_page(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert lines[0].startswith(f"# {int(page.name[:4])}. ")
    assert [line for line in lines if line.startswith("## ")] == [
        "## Context",
        "## Decision",
        "## Consequences",
    ]
    assert len(lines) <= LONGEST_DECISION


def _leads_somewhere(target: Path, anchor: str) -> bool:
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return anchor.removeprefix("#") in anchors
