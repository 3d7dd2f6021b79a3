"""What a new device sends with its one-time code, and what it gets back (JSON over HTTP)."""

from typing import Annotated, Literal

import msgspec

from access_protocol.codec import DeviceIdText, Report, ShortText

EnrolmentCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}\Z")]
"""80 random bits as the server shows them: four groups of four Base32 letters."""
PublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class EnrolmentRequest(Report, frozen=True, kw_only=True):
    """The code that an administrator made, and the public key that the device made for itself.

    `public_key` is the raw Ed25519 key by which a gate signs its commands.
    """

    code: EnrolmentCode
    public_key: PublicKey


class Enrolment(Report, frozen=True, kw_only=True):
    """Who the device is from now on, where its broker is, and whose documents it trusts.

    `authority` holds the raw Ed25519 keys that sign documents.
    """

    site: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{1,3}\Z")]
    kind: Literal["gate", "controller"]
    device: DeviceIdText
    broker_host: ShortText
    broker_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    broker_password: ShortText
    authority: Annotated[tuple[PublicKey, ...], msgspec.Meta(min_length=1, max_length=8)]
