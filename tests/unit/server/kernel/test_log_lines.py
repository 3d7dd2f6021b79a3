"""Nobody forges a line of the log or steers the terminal of whoever reads it."""

import json
import subprocess
import sys
import unicodedata

import pytest

from tests.vectors.hostile import HOSTILE

# In a process of its own: how a process logs is set once for all of it.
WRITING = """
import logging, sys, structlog
from server.kernel import logs
from tests.vectors.hostile import HOSTILE
logs.configure("INFO", sys.argv[1], "web")
for text in HOSTILE:
    structlog.get_logger("ours").warning("refused", page=text, more=[text], **{"about": {"x": text}})
    logging.getLogger("library").warning("cannot read %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger("ours").exception("failed")
"""


def written(style: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", WRITING, style], capture_output=True, check=True, timeout=60
    )
    return done.stderr.decode("utf-8").removesuffix("\n").split("\n")


@pytest.mark.parametrize("style", ["console", "json"])
def test_nothing_in_a_log_ends_a_line_or_steers_a_terminal(style: str) -> None:
    for line in written(style):
        steering = [each for each in line if unicodedata.category(each) in {"Cc", "Zl", "Zp"}]
        assert not steering, line[:200]


def test_a_line_of_the_console_is_one_of_ours_or_stands_below_it() -> None:
    lines = written("console")

    ours = [each for each in lines if not each.startswith("  ")]
    assert len(ours) == 3 * len(HOSTILE)
    assert all(each.startswith("20") and "process=web" in each for each in ours)


def test_a_line_for_collectors_is_one_document_with_the_words_as_they_were() -> None:
    found = [json.loads(each) for each in written("json")]

    assert [each["page"] for each in found[::3]] == list(HOSTILE)
