"""Private keys at rest: sealed with the master key, so that a copied database opens no door."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

_VERSION = b"\x01"
_KEY_ID = 4
_NONCE = 12


class CannotUnseal(Exception):
    """The sealed bytes were made with another master key, for another purpose, or were changed."""


class Sealer:
    """Seals and unseals with AES-256-GCM; the layout is version ‖ key id (4) ‖ nonce (12) ‖ text and tag."""

    def __init__(self, master_key: SecretStr, previous: SecretStr | None = None) -> None:
        """Take the master key, and the one before it while sealed things are being sealed anew."""
        self._present, key = _derive(master_key)
        self._keys = {self._present: key}
        if previous and previous.get_secret_value():
            old_id, old_key = _derive(previous)
            self._keys.setdefault(old_id, old_key)

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """Seal a secret; `purpose` (for example "issuer-key:1f0a") must be given again to unseal it."""
        nonce = os.urandom(_NONCE)
        text = AESGCM(self._keys[self._present]).encrypt(nonce, secret, purpose.encode())
        return _VERSION + self._present + nonce + text

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Return the secret, or raise `CannotUnseal`."""
        key = self._keys.get(sealed[1 : 1 + _KEY_ID])
        if sealed[:1] != _VERSION or key is None:
            raise CannotUnseal(
                "sealed with another master key: set GENKAN_PREVIOUS_MASTER_KEY to it"
            )
        start = 1 + _KEY_ID
        nonce, text = sealed[start : start + _NONCE], sealed[start + _NONCE :]
        try:
            return AESGCM(key).decrypt(nonce, text, purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise CannotUnseal(
                "the sealed bytes were changed, or were sealed for another purpose"
            ) from error

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether the present master key made this."""
        return sealed[1 : 1 + _KEY_ID] == self._present

    def renewed(self, sealed: bytes, purpose: str) -> bytes:
        """Return the same secret sealed with the present master key, or raise `CannotUnseal`."""
        return (
            sealed if self.is_current(sealed) else self.seal(self.unseal(sealed, purpose), purpose)
        )

    def keyed_hashes(self, text: bytes, purpose: str) -> list[str]:
        """Return the HMAC-SHA256 of a text, in hexadecimal: with the present master key, then with the one before.

        Without the master key nobody can try addresses against it, which a plain hash would allow.
        """
        return [
            hmac.new(key, purpose.encode() + b"\0" + text, hashlib.sha256).hexdigest()
            for key in self._keys.values()
        ]


def _derive(master_key: SecretStr) -> tuple[bytes, bytes]:
    key = _expand(master_key, "seal")
    return hashlib.sha256(key).digest()[:_KEY_ID], key


def _expand(master_key: SecretStr, purpose: str) -> bytes:
    secret = master_key.get_secret_value().encode()
    return HKDF(SHA256(), 32, salt=None, info=b"genkan-" + purpose.encode()).derive(secret)
