"""Files that people send: nothing of where they were made is kept, and what would burst is refused unopened."""

import io
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.PngImagePlugin import PngInfo

from server.conversations.files import (
    LARGEST_FILE,
    LONGEST_SIDE,
    FileRefused,
    Refusal,
    checked,
    checked_portrait,
    shown_name,
)
from server.kernel import paper
from server.kernel.errors import Invalid

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def _picture(kind: str, size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (200, 60, 40)).save(written, kind, **options)
    return written.getvalue()


def _located() -> bytes:
    exif = Image.Exif()
    exif[Base.Make] = "Camera of Taro"
    exif[Base.Orientation] = 6
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (35.0, 40.0, 52.0)
    return _picture("JPEG", exif=exif, comment=b"made at home")


def _png_claiming(width: int, height: int) -> bytes:
    """A PNG of few bytes whose header promises many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _zip_bomb() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 50_000_000)
    return written.getvalue()


def _refusal(name: str, content: bytes) -> Refusal:
    with pytest.raises(FileRefused) as refused:
        checked(name, content)
    return refused.value.refusal


def test_a_picture_keeps_its_pixels_and_nothing_of_where_and_with_what_it_was_taken() -> None:
    kept = checked("holiday.jpg", _located())
    assert (kept.media_type, kept.name) == ("image/jpeg", "holiday.jpg")
    assert (kept.width, kept.height) == (30, 40), "it stands upright"
    again = Image.open(io.BytesIO(kept.content))
    assert not dict(again.getexif())
    assert "comment" not in again.info
    assert b"Taro" not in kept.content
    assert b"home" not in kept.content


def test_what_is_hidden_in_a_png_does_not_come_along() -> None:
    words = PngInfo()
    words.add_text("Author", "Taro Yamada")
    kept = checked("plan.png", _picture("PNG", pnginfo=words) + b"PK\x03\x04 a second file behind")
    assert b"Taro" not in kept.content
    assert b"second" not in kept.content


@pytest.mark.parametrize(
    ("kind", "ending", "kept_as"), [("WEBP", "webp", "image/jpeg"), ("GIF", "gif", "image/png")]
)
def test_other_pictures_are_kept_in_a_form_that_everybody_can_see(
    kind: str, ending: str, kept_as: str
) -> None:
    assert checked(f"a.{ending}", _picture(kind)).media_type == kept_as


def test_a_large_picture_is_made_smaller() -> None:
    kept = checked("wide.png", _picture("PNG", (5200, 1300)))
    assert (kept.width, kept.height) == (LONGEST_SIDE, LONGEST_SIDE // 4)


@pytest.mark.parametrize("make", [lambda: _png_claiming(60_000, 60_000), _zip_bomb])
def test_a_bomb_is_refused_without_being_unpacked(make: Callable[[], bytes]) -> None:
    content = make()
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused):
            checked("photo.png", content)
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert grown < 5_000_000


def test_a_png_that_promises_many_pixels_says_so_kindly() -> None:
    assert _refusal("a.png", _png_claiming(60_000, 60_000)) is Refusal.TOO_MANY_PIXELS


def test_only_a_photograph_may_have_as_many_pixels_as_a_phones_camera() -> None:
    assert checked("a.jpg", _picture("JPEG", (6000, 4000))).width == LONGEST_SIDE
    assert _refusal("a.png", _picture("PNG", (6000, 4000))) is Refusal.TOO_MANY_PIXELS
    with pytest.raises(Invalid, match="too many pixels"):
        checked_portrait(_png_claiming(60_000, 60_000))


def test_a_png_whose_words_would_unpack_to_much_is_refused() -> None:
    body = b"Comment\0\0" + zlib.compress(b"\0" * 100_000_000, 9)
    chunk = (
        struct.pack(">I", len(body))
        + b"zTXt"
        + body
        + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    )
    whole = _picture("PNG")
    assert _refusal("a.png", whole[:33] + chunk + whole[33:]) is Refusal.DAMAGED


def test_a_picture_that_is_cut_off_is_refused_also_by_a_process_that_has_printed() -> None:
    """WeasyPrint tells Pillow to take damaged pictures, for the whole process, when it is imported."""
    paper.pdf("<p>The sheet of a meeting</p>", [])
    assert _refusal("a.png", _picture("PNG")[:60]) is Refusal.DAMAGED


@pytest.mark.parametrize("name", ["a.zip", "report.docx", "photo.jpg"])
def test_an_archive_is_refused_whatever_it_is_called(name: str) -> None:
    assert _refusal(name, _zip_bomb()) is Refusal.ARCHIVE


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b\x08rest", b"7z\xbc\xaf\x27\x1crest", b"Rar!\x1a\x07\x00"]
)
def test_other_archives_are_refused_too(content: bytes) -> None:
    assert _refusal("a.bin", content) is Refusal.ARCHIVE


def test_a_file_that_is_not_what_its_name_says_is_refused() -> None:
    assert _refusal("letter.pdf", _picture("JPEG")) is Refusal.NOT_AS_NAMED
    assert _refusal("photo.jpg", PDF) is Refusal.NOT_AS_NAMED
    assert _refusal("setup.exe", _picture("PNG")) is Refusal.NOT_AS_NAMED


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"MZ\x90",
        b"hello",
    ],
)
def test_what_is_neither_picture_nor_pdf_is_refused(content: bytes) -> None:
    assert _refusal("photo.png", content) is Refusal.UNKNOWN


def test_a_pdf_is_kept_as_it_is() -> None:
    kept = checked("Plan.PDF", PDF)
    assert (kept.media_type, kept.content, kept.name) == ("application/pdf", PDF, "Plan.pdf")


def test_what_is_empty_broken_or_too_large_is_refused() -> None:
    assert _refusal("a.png", b"") is Refusal.EMPTY
    assert _refusal("a.pdf", b"%PDF-1.7\n cut off") is Refusal.DAMAGED
    assert _refusal("a.jpg", _picture("JPEG", (400, 300))[:200]) is Refusal.DAMAGED
    assert _refusal("a.pdf", PDF + b"\0" * LARGEST_FILE) is Refusal.TOO_LARGE


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\taro\\plan.png", "plan.png"),
        ("a\r\nSet-Cookie: x.png", "a Set-Cookie_ x.png"),
        ("photo\u202egnp.exe", "photo gnp.exe"),
        ("", "file"),
        ("...", "file"),
        ("見取り図.pdf", "見取り図.pdf"),
    ],
)
def test_a_name_is_made_fit_to_be_shown_and_saved(sent: str, shown: str) -> None:
    assert shown_name(sent) == shown


def test_a_long_name_keeps_its_ending() -> None:
    assert len(shown_name("あ" * 300 + ".png")) == 100
    assert shown_name("あ" * 300 + ".png").endswith(".png")


def test_a_portrait_becomes_a_small_square_without_anything_else() -> None:
    made = Image.open(io.BytesIO(checked_portrait(_located())))
    assert made.size == (256, 256)
    assert not dict(made.getexif())


def test_a_portrait_that_is_none_is_refused_beside_its_field() -> None:
    with pytest.raises(Invalid) as refused:
        checked_portrait(PDF)
    assert refused.value.errors[0].field == "picture"
