"""Opens a floor plan's archive, a zip file or a folder with IMDF's files, and bounds what is taken from it."""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import IO

from server.kernel.refusals import Reason
from server.wayfinding import imdf_features as imdf
from server.wayfinding.imdf import Mistake, NotAPlan

LARGEST_ARCHIVE = 10 * 1024 * 1024
"""Bytes of a zip archive."""
LARGEST_FILE = 8 * 1024 * 1024
"""Bytes of one file in it, unpacked."""
MOST_ENTRIES = 200
SAMPLE = Path(__file__).parent / "sample_building"
"""An office of three floors, as an example and for the demo."""


def read_archive(archive: bytes | Path) -> dict[str, object]:
    """Return the JSON of IMDF's files by kind, from the bytes of a zip archive or a path; raises `NotAPlan`.

    Files may lie in a folder within the archive. What nothing here reads is not even unpacked.
    """
    if isinstance(archive, Path):
        if archive.is_dir():
            return _read_folder(archive)
        with archive.open("rb") as opened:
            archive = opened.read(LARGEST_ARCHIVE + 1)
    if len(archive) > LARGEST_ARCHIVE:
        raise _not_so(_at_most_mb(LARGEST_ARCHIVE))
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return _read_zip(opened)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ):
        # Broken, with a password, or of a compression that nobody uses.
        raise _not_so(Reason("must be a zip archive of IMDF's files")) from None


def _read_folder(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for kind in imdf.KINDS:
        file = folder / f"{kind}.geojson"
        if file.is_file():
            with file.open("rb") as opened:
                found[kind] = _json(file.name, opened)
    return found


def _read_zip(opened: zipfile.ZipFile) -> dict[str, object]:
    entries = opened.infolist()
    if len(entries) > MOST_ENTRIES:
        raise _not_so(Reason("must have at most %(most)s files", {"most": MOST_ENTRIES}))
    found: dict[str, object] = {}
    for entry in entries:
        name = entry.filename.rsplit("/", 1)[-1]
        kind = name.removesuffix(".geojson")
        # macOS puts a shadow of each file beside it.
        if kind == name or kind not in imdf.KINDS or entry.filename.startswith("__MACOSX/"):
            continue
        if kind in found:
            raise NotAPlan([Mistake(name, "", "", Reason("is in the archive twice"))])
        with opened.open(entry) as unpacked:
            found[kind] = _json(name, unpacked)
    return found


def _json(name: str, opened: IO[bytes]) -> object:
    # The size that an archive tells may be a lie: what is read is what counts.
    content = opened.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise NotAPlan([Mistake(name, "", "", _at_most_mb(LARGEST_FILE))])
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise NotAPlan([Mistake(name, "", "", Reason("must be JSON"))]) from None


def _at_most_mb(size: int) -> Reason:
    return Reason("must have at most %(most)s MB", {"most": size // 1024**2})


def _not_so(reason: Reason) -> NotAPlan:
    return NotAPlan([Mistake("", "", "archive", reason)])
