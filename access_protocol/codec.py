"""Report messages and bytes: JSON with a version, checked field by field, and bounded in size.

Reports tell; they open nothing. What opens something is signed (`signed`, `commands`, `documents`).
"""

from typing import Annotated, ClassVar, TypeVar

import msgspec

VERSION = 1
REPORT_CEILING = 64 * 1024
"""Bytes of the largest report; a sender splits what is longer."""

EventIdText = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
JournalIdText = EventIdText
DeviceIdText = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{3,32}\Z")]
SlugText = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
CredentialIdText = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
HexText = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2})*\Z", max_length=128)]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Der = Annotated[bytes, msgspec.Meta(min_length=1, max_length=4096)]
"""A certificate or a request for one."""
ShortText = Annotated[str, msgspec.Meta(max_length=200)]


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any message that is JSON; `version` is checked before anything else."""

    CEILING: ClassVar[int] = REPORT_CEILING
    version: int = VERSION


class MalformedReportError(ValueError):
    """Bytes that are no report of the expected kind; the message names the field."""


R = TypeVar("R", bound=Report)


class _VersionOnly(msgspec.Struct):
    version: int


def encode(report: Report) -> bytes:
    """Return the report as JSON; raise `MalformedReportError` where it is over its ceiling."""
    data = msgspec.json.encode(report)
    if len(data) > report.CEILING:
        message = f"{type(report).__name__} has {len(data)} bytes, {report.CEILING} are allowed"
        raise MalformedReportError(message)
    return data


def decode(kind: type[R], data: bytes) -> R:
    """Return the report of the given kind in `data`, or raise `MalformedReportError`."""
    if len(data) > kind.CEILING:
        message = f"{len(data)} bytes, {kind.CEILING} are allowed"
        raise MalformedReportError(message)
    try:
        version = msgspec.json.decode(data, type=_VersionOnly).version
        if version != VERSION:
            message = f"version {version} is not known here, only {VERSION}"
            raise MalformedReportError(message)
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReportError(str(error)) from error
