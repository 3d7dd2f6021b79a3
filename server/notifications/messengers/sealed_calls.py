"""How WeChat Work signs and encrypts what it sends to a hook.

https://developer.work.weixin.qq.com/document/path/90968 (加解密方案说明) and …/path/90930 (回调配置). The signature is
SHA-1 over the sorted parts; the text is AES-256-CBC, padded to 32 bytes, between 16 random bytes and the receiver's id.
"""

import base64
import hashlib
import hmac
import os
from xml.parsers import expat

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from server.notifications.messengers.base import NotGenuine, Unreadable

AES_KEY_CHARACTERS = 43
_BLOCK, _IV, _RANDOM, _LENGTH = 32, 16, 16, 4
_LONGEST_VALUE = 100_000


class Envelope:
    """Opens and makes what goes between the messenger and a hook, for one account."""

    def __init__(self, token: str, encoding_aes_key: str, receiver: str) -> None:
        """Take what the console shows; `receiver` is the company's id. ValueError for a key that is none."""
        self._token, self._receiver = token, receiver.encode()
        self._key = base64.b64decode(encoding_aes_key + "=", validate=True)
        if len(self._key) != 32:  # noqa: PLR2004
            raise ValueError("the key must have 32 bytes")

    def opened(self, signature: str, timestamp: str, nonce: str, sealed: str) -> bytes:
        """Return the text of something signed, or raise `NotGenuine`."""
        expected = self.signature(timestamp, nonce, sealed)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise NotGenuine
        try:
            raw = base64.b64decode(sealed, validate=True)
            decryptor = Cipher(AES256(self._key), CBC(self._key[:_IV])).decryptor()
            padded = decryptor.update(raw) + decryptor.finalize()
        except ValueError:
            raise NotGenuine from None
        return self._checked(padded)

    def sealed(self, text: bytes) -> str:
        """Return a text as the messenger would send it."""
        plain = os.urandom(_RANDOM) + len(text).to_bytes(_LENGTH, "big") + text + self._receiver
        fill = _BLOCK - len(plain) % _BLOCK
        encryptor = Cipher(AES256(self._key), CBC(self._key[:_IV])).encryptor()
        raw = encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()
        return base64.b64encode(raw).decode("ascii")

    def signature(self, timestamp: str, nonce: str, sealed: str) -> str:
        """Return the signature of a sealed text, in small hexadecimal digits."""
        parts = "".join(sorted((self._token, timestamp, nonce, sealed)))
        # Their protocol's choice. Nobody chooses what is signed without knowing the token.
        return hashlib.sha1(parts.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()

    def _checked(self, padded: bytes) -> bytes:
        fill = padded[-1] if padded else 0
        if not 1 <= fill <= _BLOCK or padded[-fill:] != bytes([fill]) * fill:
            raise NotGenuine
        plain = padded[_RANDOM:-fill]
        size = int.from_bytes(plain[:_LENGTH], "big")
        text, receiver = plain[_LENGTH : _LENGTH + size], plain[_LENGTH + size :]
        # Signed by the same token for another company: theirs, not ours.
        if len(text) != size or not hmac.compare_digest(receiver, self._receiver):
            raise NotGenuine
        return text


def fields_of(document: bytes) -> dict[str, str]:
    """Return the texts right below the root of an XML document; one that declares anything is refused.

    Without declarations there are no entities: nothing to expand, nothing to fetch.
    """
    found: dict[str, str] = {}
    path: list[str] = []

    def refuse(*_: object) -> None:
        raise Unreadable("the document declares something")

    def start(name: str, _: dict[str, str]) -> None:
        path.append(name)
        if len(path) == 2:  # noqa: PLR2004  right below the root
            found[name] = ""

    def end(_: str) -> None:
        path.pop()

    def text(part: str) -> None:
        if len(path) == 2 and len(found[path[1]]) < _LONGEST_VALUE:  # noqa: PLR2004
            found[path[1]] += part

    # Whatever the document says of itself: they send UTF-8, and an encoding is a name that is looked up.
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(document, True)  # noqa: FBT003  expat's own order: "this is the end"
    except (expat.ExpatError, ValueError) as error:
        raise Unreadable("the document is not XML") from error
    return found
