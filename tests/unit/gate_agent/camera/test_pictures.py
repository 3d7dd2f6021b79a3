"""Picture files may be anything."""

from pathlib import Path

import numpy as np
import pytest

from gate_agent.camera.pictures import MAX_FILE_BYTES, UnreadablePicture, read_picture
from tests.fakes.pictures import code, jpeg, png


@pytest.mark.parametrize("packed", [png(code("A")), jpeg(code("A"))], ids=["png", "jpeg"])
def test_a_picture_is_read_in_colour(packed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(packed)

    assert read_picture(file).shape == (*code("A").shape, 3)


@pytest.mark.parametrize("packed", [png(code("A")), jpeg(code("A"))], ids=["png", "jpeg"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_picture_that_was_cut_short_says_so(packed: bytes, share: float, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(packed[: int(len(packed) * share)])

    with pytest.raises(UnreadablePicture, match="cut short"):
        read_picture(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40 + b"IEND", "not a picture|damaged"),
    ],
)
def test_what_is_no_picture_says_so(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(content)

    with pytest.raises(UnreadablePicture, match=says):
        read_picture(file)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match="No such file"):
        read_picture(tmp_path / "nowhere.png")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePicture, match="directory"):
        read_picture(tmp_path)


def test_an_enormous_file_is_not_even_read(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    with file.open("wb") as sparse:
        sparse.truncate(MAX_FILE_BYTES + 1)

    with pytest.raises(UnreadablePicture, match="64 MiB"):
        read_picture(file)


def test_sixteen_bits_a_channel_are_brought_down_to_eight(tmp_path: Path) -> None:
    file = tmp_path / "deep.png"
    file.write_bytes(png(np.full((20, 20), 60_000, np.uint16)))  # type: ignore[arg-type]

    assert read_picture(file).dtype == np.uint8
