"""Where files of conversations lie: in the data folder, under random names, in a few folders, deletable one by one."""

import os
import re
import time
from collections.abc import Set as AbstractSet
from datetime import timedelta
from pathlib import Path

from server.kernel.errors import NotFound

FOLDER = "conversation-files"
ORPHANED_AFTER = timedelta(hours=2)
"""A file that no row names by then belongs to an upload that was never finished."""
_NAME = re.compile(r"[0-9a-f]{32}")


def put(data_folder: Path, name: str, content: bytes) -> None:
    """Write a file whole: its row counts only where its content lies on the disk."""
    path = _path(data_folder, name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def get(data_folder: Path, name: str) -> bytes:
    """Return what a file holds; `NotFound` where it was deleted."""
    try:
        return _path(data_folder, name).read_bytes()
    except FileNotFoundError:
        raise NotFound("This file was deleted.") from None


def remove(data_folder: Path, name: str) -> None:
    """Delete a file; one that is gone already is fine."""
    _path(data_folder, name).unlink(missing_ok=True)


def remove_orphans(data_folder: Path, known: AbstractSet[str]) -> int:
    """Delete files that no row names and that are not being written now; return how many."""
    removed = 0
    for path in (data_folder / FOLDER).glob("*/*"):
        try:
            old = time.time() - path.stat().st_mtime > ORPHANED_AFTER.total_seconds()
        except FileNotFoundError:
            continue
        if old and path.name not in known:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _path(data_folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise NotFound("There is no such file.")
    return data_folder / FOLDER / name[:2] / name
