"""Decides on one text by keys from a file, without a gate: for the command `verify`."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from access_protocol import credential as credentials
from access_protocol import rules, signed
from access_protocol.codec import SlugText
from access_protocol.credential import PASSES, CredentialClass
from access_protocol.decision import AccessDecision
from access_protocol.ids import (
    HIGHEST_ZONE,
    AccessPointId,
    CredentialId,
    DeviceId,
    KeyId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import ED25519_KEY_BYTES, KeyRing, MalformedKeyError, RingKey
from access_protocol.knowledge import ALL_GENERATIONS, AccessPoint, Direction, Policy
from access_protocol.wording import Language, sentence
from gate_agent.history import PassageHistory

_LONGEST_KEYS_FILE = 1024 * 1024
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_Zone = Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_ZONE)]
_Lowest = Annotated[int, msgspec.Meta(ge=1, le=ALL_GENERATIONS)]


class UnusableKeys(Exception):
    """Why a keys file cannot be used; the message names the field."""


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    public: str
    not_before: _Time = _FIRST
    not_after: _Time = _LAST


class _Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    zone: _Zone
    classes: frozenset[CredentialClass] = frozenset(PASSES)
    id: SlugText = "here"
    portal: SlugText | None = None


class _KeysFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    site: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{1,3}\Z")]
    keys: Annotated[list[str | _Key], msgspec.Meta(min_length=1)]
    revocations: dict[str, _Lowest] = {}
    access_point: _Point | None = None


class KnownKeys:
    """Issuer keys and revocations held in memory, as a `rules.Knowledge`."""

    def __init__(
        self, site: SiteCode, ring: KeyRing, lowest: Mapping[CredentialId, int] | None = None
    ) -> None:
        """Know the keys in `ring`, and for each revoked credential its lowest valid generation."""
        self.site = site
        self._ring = ring
        self._lowest = lowest or {}

    @property
    def policy(self) -> Policy:
        """See `rules.Knowledge.policy`."""
        return Policy(access_points={})

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> tuple[bytes, ...]:
        """See `rules.Knowledge.issuer_keys`."""
        return self._ring.with_hint(hint, at)

    def held_credential(self, credential: CredentialId) -> None:
        """Nothing is held: a short presentation can be verified at a gate only."""
        return

    def lowest_generation(self, credential: CredentialId) -> int:
        """See `rules.Knowledge.lowest_generation`."""
        return self._lowest.get(credential, 0)


class KeysFile(KnownKeys):
    """What a keys file says."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises `UnusableKeys`."""
        try:
            with path.open("rb") as file:
                content = file.read(_LONGEST_KEYS_FILE + 1)
            told = msgspec.json.decode(content, type=_KeysFile)
        except OSError as error:
            raise UnusableKeys(f"{path}: {error.strerror}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UnusableKeys(f"{path}: {error}") from error
        super().__init__(
            SiteCode(told.site),
            KeyRing(_ring_key(number, key) for number, key in enumerate(told.keys)),
            {_credential_id(text): low for text, low in told.revocations.items()},
        )
        self._point = told.access_point

    def point_for(self, text: str, at: datetime) -> AccessPoint:
        """Return the file's access point; where it names none, one that the credential opens."""
        told = self._point or _Point(zone=self._zone_of(text, at))
        return AccessPoint(
            id=AccessPointId(told.id),
            portal=PortalId(told.portal or told.id),
            controller=DeviceId("none"),
            zone=ZoneNumber(told.zone),
            direction=Direction.IN,
            classes=told.classes,
            pulse=timedelta(seconds=1),
        )

    def _zone_of(self, text: str, at: datetime) -> int:
        try:
            presentation = credentials.read(text)
            claims = credentials.verify_issuer(
                presentation, lambda hint: self.issuer_keys(hint, at)
            )
        except (
            credentials.MalformedCredentialError,
            signed.UnknownKeyError,
            signed.BadSignatureError,
        ):
            return 1  # the rules refuse it before they look at the zone
        return claims.zones[0]


def verify(text: str, keys: KeysFile, at: datetime) -> AccessDecision:
    """Return what a gate with these keys, just heard from its server, decides at the time `at`."""
    point = keys.point_for(text, at)
    history = PassageHistory(lambda: {point.id: point})
    circumstances = rules.Circumstances(now=at, clock_trusted=True, knowledge_age=timedelta())
    return rules.decide(rules.CodePresented((text,)), point, keys, history, circumstances)


def as_json(decision: AccessDecision, language: Language) -> dict[str, object]:
    """Return the object that the command prints."""
    credential, reason = decision.credential_id, decision.reason
    return {
        "decision": "granted" if reason is None else "denied",
        "reason": reason,
        "sentence": None if reason is None else sentence(reason, language),
        "credential": None if credential is None else credential.hex(),
        "class": decision.credential_class,
        "generation": decision.generation,
        "presented_at": decision.presented_at,
    }


def parse_time(text: str) -> datetime:
    """Return the time in `text` (RFC 3339 with its zone, or ``now``). Raises ValueError."""
    if text == "now":
        return datetime.now(UTC)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("the time must carry its zone, such as 2026-04-01T09:00:00Z")
    return at.astimezone(UTC)


def _ring_key(number: int, told: str | _Key) -> RingKey:
    key = told if isinstance(told, _Key) else _Key(public=told)
    try:
        return RingKey(_key_bytes(key.public), key.not_before, key.not_after)
    except MalformedKeyError as error:
        raise UnusableKeys(f"keys[{number}]: {error}") from error


def _key_bytes(text: str) -> bytes:
    """Return the raw key in hex (64 digits) or Base64 (standard or for URLs, padded or not)."""
    if len(text) == 2 * ED25519_KEY_BYTES:
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass  # not hex; Base64 of this length is no key either, and is said so below
    standard = text.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return b""


def _credential_id(text: str) -> CredentialId:
    try:
        return CredentialId(bytes.fromhex(text))
    except ValueError:
        raise UnusableKeys(f"revocations: {text} is no credential's id in hex") from None
