"""What a controller keeps over a power cut: its signed key list, and whether it is locked down.

Both change rarely, and nothing else is ever written, so that flash lasts. A power cut while one is
written leaves either what was there before or what was to be written, and never anything between.
"""

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
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
        """Keep this key list instead of the one before; raise OSError where that is impossible."""
        ...

    def keep_locked_down(self, *, locked_down: bool) -> None:
        """Keep whether entry is locked down; raise OSError where that is impossible."""
        ...


class Flash:
    """Two sectors of flash memory as a microcontroller has them: erased whole, written page by page.

    `before_each_step` is called before every erasure and every page, and may raise: there the power
    goes. `erasures` counts what wears the memory out.
    """

    SECTOR, PAGE, SECTORS = 16 * 1024, 256, 2

    def __init__(self, before_each_step: Callable[[], None] = lambda: None) -> None:
        """Begin as fresh from the factory."""
        self.before_each_step = before_each_step
        self.erasures = 0
        self._sectors = [bytearray(b"\xff" * self.SECTOR) for _ in range(self.SECTORS)]

    def read(self, sector: int) -> bytes:
        """Return a whole sector."""
        return bytes(self._sectors[sector])

    def erase(self, sector: int) -> None:
        """Set a sector to ones; a power cut meanwhile leaves half of it."""
        content = self._sectors[sector]
        content[: self.SECTOR // 2] = b"\xff" * (self.SECTOR // 2)
        self.erasures += 1
        self.before_each_step()
        content[:] = b"\xff" * self.SECTOR

    def write(self, sector: int, content: bytes) -> None:
        """Write an erased sector from its beginning; a power cut leaves the pages written so far."""
        if len(content) > self.SECTOR:
            raise OSError("more than a sector holds")
        for start in range(0, len(content), self.PAGE):
            page = content[start : start + self.PAGE]
            half = len(page) // 2
            self._sectors[sector][start : start + half] = page[:half]
            self.before_each_step()
            self._sectors[sector][start : start + len(page)] = page
        self.before_each_step()


@dataclass(frozen=True, slots=True)
class _Record:
    """What one sector holds: the highest counter with a true checksum counts."""

    counter: int = 0
    locked_down: bool = False
    key_list: bytes = b""


class KeptInFlash:
    """A `Kept` in two sectors that are written in turn; docs/protocol.md gives the record's bytes."""

    _MAGIC = b"GKK1"
    _HEAD = struct.Struct(">4sIBI")
    _CHECKSUM_BYTES = 8

    def __init__(self, flash: Flash | None = None) -> None:
        """Use `flash`, a fresh one where none is given."""
        self.flash = Flash() if flash is None else flash

    @property
    def key_list(self) -> bytes | None:
        """See `Kept.key_list`."""
        return self._newest()[0].key_list or None

    @property
    def locked_down(self) -> bool:
        """See `Kept.locked_down`."""
        return self._newest()[0].locked_down

    def keep_key_list(self, document: bytes) -> None:
        """See `Kept.keep_key_list`."""
        self._keep(self.locked_down, document)

    def keep_locked_down(self, *, locked_down: bool) -> None:
        """See `Kept.keep_locked_down`."""
        self._keep(locked_down, self.key_list or b"")

    def _keep(self, locked_down: bool, key_list: bytes) -> None:  # noqa: FBT001 - a field
        now, sector = self._newest()
        if (locked_down, key_list) == (now.locked_down, now.key_list):
            return
        head = self._HEAD.pack(self._MAGIC, now.counter + 1, locked_down, len(key_list))
        record = head + key_list
        other = (sector + 1) % Flash.SECTORS
        self.flash.erase(other)
        self.flash.write(other, record + self._checksum(record))

    def _newest(self) -> tuple[_Record, int]:
        records = [(self._read(sector), sector) for sector in range(Flash.SECTORS)]
        return max(records, key=lambda found: found[0].counter)

    def _read(self, sector: int) -> _Record:
        content = self.flash.read(sector)
        magic, counter, locked_down, length = self._HEAD.unpack_from(content)
        end = self._HEAD.size + length
        checksum = content[end : end + self._CHECKSUM_BYTES]
        if magic != self._MAGIC or checksum != self._checksum(content[:end]):
            return _Record()
        return _Record(counter, bool(locked_down), content[self._HEAD.size : end])

    def _checksum(self, record: bytes) -> bytes:
        return hashlib.sha256(record).digest()[: self._CHECKSUM_BYTES]


class KeptInFolder:
    """A `Kept` in two small files of a process's state folder."""

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
