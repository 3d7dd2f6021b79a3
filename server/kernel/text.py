"""Text that people type: on one line or on several, and nothing in it that deceives the eye or breaks a header."""

import unicodedata
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field

LONGEST_EMAIL = 254
"""Characters of an address (RFC 5321 4.5.3.1.3, without the angle brackets)."""

# They turn the order of what follows on the screen: a name could look like another one.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


def breaks_line(character: str) -> bool:
    """Tell whether a character ends a line, controls a screen, turns its direction or is half of one."""
    return character in _TURNING or unicodedata.category(character) in _BREAKING


def on_one_line(text: str) -> str:
    """Return text for a header or a subject: whatever is not fit for one line becomes a blank."""
    return " ".join("".join(" " if breaks_line(each) else each for each in text).split())


def _line(text: str) -> str:
    if any(breaks_line(character) for character in text):
        raise ValueError("must be on one line, without control characters")
    return unicodedata.normalize("NFC", text)


def _lines(text: str) -> str:
    if any(breaks_line(character) for character in text if character not in "\n\t"):
        raise ValueError("must not contain control characters")
    return unicodedata.normalize("NFC", text)


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _stripped_lines(value: object) -> object:
    if not isinstance(value, str):
        return value
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def _address(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f"is not an e-mail address: {error}") from error
    return found.ascii_email or found.normalized


Line = Annotated[str, BeforeValidator(_stripped), AfterValidator(_line)]
"""Text on one line, in Unicode's NFC; give it its length: `Annotated[Line, Field(max_length=100)]`."""
Lines = Annotated[str, BeforeValidator(_stripped_lines), AfterValidator(_lines)]
"""Text on several lines that end in \\n."""
EmailAddress = Annotated[
    str,
    BeforeValidator(_stripped),
    Field(
        max_length=LONGEST_EMAIL,
        json_schema_extra={"format": "email"},
        examples=["taro@example.jp"],
    ),
    AfterValidator(_address),
]
"""A mail address, its domain in ASCII."""
