"""What a controller keeps over a power cut: its signed key list, and whether it is locked down.

Both change rarely, and a file is written only when its content changes, so that flash lasts.
"""

import os
from pathlib import Path
from typing import Protocol


class Kept(Protocol):
    """A little memory that stays."""

    @property
    def key_list(self) -> bytes | None:
        """The signed key list as it came; it is verified again at every start."""
        ...

    @property
    def locked_down(self) -> bool:
        """Whether the last lockdown has not been released yet."""
        ...

    def keep_key_list(self, document: bytes) -> None:
        """Keep this key list instead of the one before."""
        ...

    def keep_locked_down(self, *, locked_down: bool) -> None:
        """Keep whether entry is locked down."""
        ...


class KeptInMemory:
    """A `Kept` that lives as long as the simulation; `writes` counts what would wear the flash."""

    def __init__(self) -> None:
        """Begin as fresh from the factory."""
        self.key_list: bytes | None = None
        self.locked_down = False
        self.writes = 0

    def keep_key_list(self, document: bytes) -> None:
        """See `Kept.keep_key_list`."""
        if document != self.key_list:
            self.key_list = document
            self.writes += 1

    def keep_locked_down(self, *, locked_down: bool) -> None:
        """See `Kept.keep_locked_down`."""
        if locked_down != self.locked_down:
            self.locked_down = locked_down
            self.writes += 1


class KeptInFolder:
    """A `Kept` in two small files. A power cut while one is written leaves the one before."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which exists."""
        self._key_list_file = folder / "key-list.cose"
        self._lockdown_file = folder / "locked-down"

    @property
    def key_list(self) -> bytes | None:
        """See `Kept.key_list`."""
        try:
            return self._key_list_file.read_bytes()
        except FileNotFoundError:
            return None

    @property
    def locked_down(self) -> bool:
        """See `Kept.locked_down`."""
        return self._lockdown_file.exists()

    def keep_key_list(self, document: bytes) -> None:
        """See `Kept.keep_key_list`."""
        if document != self.key_list:
            write_private(self._key_list_file, document)

    def keep_locked_down(self, *, locked_down: bool) -> None:
        """See `Kept.keep_locked_down`."""
        if locked_down and not self.locked_down:
            write_private(self._lockdown_file, b"")
        elif not locked_down and self.locked_down:
            self._lockdown_file.unlink()
            _flush_folder(self._lockdown_file.parent)


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all, and see it onto the disk."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    _flush_folder(file.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
