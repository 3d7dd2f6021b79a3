"""`python -m gate_agent decode`: one JSON object a line, whatever the files are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.pictures import code, in_a_frame, png

PASS = "GK1:HELLO"


def decode(*files: Path) -> tuple[int, list[dict[str, object]]]:
    """Exit status and printed lines."""
    ran = subprocess.run(
        [sys.executable, "-m", "gate_agent", "decode", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert ran.stderr == ""
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "pass.png"
    path.write_bytes(png(in_a_frame(code(PASS))))
    return path


def test_a_picture_gives_its_text_reader_and_time(picture: Path) -> None:
    status, (line,) = decode(picture)

    assert status == 0
    assert list(line) == ["file", "text", "reader", "ms"]
    assert (line["file"], line["text"], line["reader"]) == (str(picture), PASS, "zxing")
    assert isinstance(line["ms"], float)


def test_several_codes_in_a_picture_are_all_given(tmp_path: Path) -> None:
    path = tmp_path / "two.png"
    path.write_bytes(png(in_a_frame(code("GK1:ONE"), code("GK1:TWO"))))

    status, (line,) = decode(path)

    texts = line["texts"]
    assert status == 0
    assert texts in (["GK1:ONE", "GK1:TWO"], ["GK1:TWO", "GK1:ONE"])
    assert line["text"] in ("GK1:ONE", "GK1:TWO")


def test_a_picture_without_a_code_has_no_text_and_status_1(picture: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(png(np.full((90, 160), 128, np.uint8)))

    status, lines = decode(picture, empty)

    assert status == 1
    assert [line["text"] for line in lines] == [PASS, None]
    assert "error" not in lines[1]


def test_files_that_are_no_pictures_say_why_and_do_not_keep_others_from_being_read(
    picture: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(picture.read_bytes()[:400])
    text = tmp_path / "text.png"
    text.write_text("hello")
    # A picture of 30,000 x 30,000 pixels in a few hundred kilobytes.
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(np.zeros((30_000, 30_000), np.uint8)))

    status, lines = decode(cut, text, bomb, tmp_path / "nowhere.png", picture)

    assert status == 2
    assert [line["text"] for line in lines] == [None, None, None, None, PASS]
    assert [str(line.get("error"))[:20] for line in lines] == [
        "the picture is cut s", "not a picture of a k", "the picture is damag",
        "No such file or dire", "None",
    ]  # fmt: skip
