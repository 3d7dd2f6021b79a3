"""docs/protocol.md shows the vectors themselves, and names everything the code knows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from access_protocol import documents
from access_protocol.commands import COMMAND_MESSAGES, Action
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.events import REPORTS, Alarm, ControllerEventKind, Outcome, SlotCondition
from access_protocol.presence import Presence
from access_protocol.topics import WRITES
from tests.vectors import make

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
DUMPS = dict(re.findall(r"^```hex (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
VECTORS: dict[str, Any] = json.loads(make.FILE.read_text(encoding="utf-8"))


def _vector(name: str) -> str:
    of_controllers = {
        "command": VECTORS["command"]["message"],
        "command, to be signed": VECTORS["controllers"]["to_be_signed"],
        "dispense": VECTORS["controllers"]["dispense"],
        "key_list of two senders": VECTORS["controllers"]["key_list_8"],
        "flash record": VECTORS["controllers"]["flash_record"],
        "enrolment QR": VECTORS["enrolment"]["ticket_cbor"],
    }
    if name in of_controllers:
        return of_controllers[name]
    for vector in (*VECTORS["credentials"], *VECTORS["documents"]):
        if name in (vector.get("name"), vector.get("kind")):
            return vector["message"]
    pytest.fail(f"no vector {name}")


@pytest.mark.parametrize("name", DUMPS)
def test_each_hex_dump_is_its_vector(name: str) -> None:
    without_comments = re.sub(r";.*", "", DUMPS[name])

    assert re.sub(r"\s", "", without_comments) == _vector(name)


def test_every_document_and_every_text_before_a_reader_has_its_dump() -> None:
    read = {vector["name"] for vector in VECTORS["credentials"]}
    carried_or_like_another = {"bound", "static at its ceiling", "voucher at its ceiling"}
    kinds = {vector["kind"] for vector in VECTORS["documents"]}

    assert (read - carried_or_like_another) | kinds | {"command"} <= set(DUMPS)


@pytest.mark.parametrize("row", VECTORS["controllers"]["reports"], ids=lambda row: row["name"])
def test_each_report_of_a_controller_is_its_vector(row: dict[str, Any]) -> None:
    assert f"```report {row['name']}\n{row['topic']}\n{row['payload']}\n```" in PAGE


@pytest.mark.parametrize("row", VECTORS["journal"], ids=lambda row: row["sequence"])
def test_each_journal_entry_is_its_vector(row: dict[str, Any]) -> None:
    assert f"```journal {row['sequence']}\n{row['body']}\n{row['hash']}\n```" in PAGE


@pytest.mark.parametrize(
    "name",
    [
        *DenyReason,
        *CommandRefusal,
        *Action,
        *documents.DocumentKind,
        *Outcome,
        *ControllerEventKind,
        *Alarm,
        *SlotCondition,
        *Presence,
    ],
)
def test_every_name_of_the_closed_lists_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize(
    ("kind", "subject", "addressed"),
    [(kind, s, addressed) for kind, written in WRITES.items() for s, addressed in written.items()],
)
def test_every_topic_is_on_the_page_with_its_addressee(
    kind: str, subject: str, *, addressed: bool
) -> None:
    row = re.search(rf"^\| `{kind}` \| `{subject}` \| (\S+)", PAGE, re.MULTILINE)

    assert row is not None
    assert (row.group(1) != "–") is addressed


@pytest.mark.parametrize("message", [*REPORTS, *COMMAND_MESSAGES], ids=lambda m: m.__name__)
def test_every_message_is_named_on_the_page(message: type) -> None:
    assert message.__name__ in PAGE
