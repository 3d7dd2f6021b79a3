"""Which phrase of a list is nearest to what somebody typed, in any of the three languages. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from access_protocol.wording import Language

THRESHOLD = 70.0


@dataclass(frozen=True)
class Phrase:
    """One way to ask something."""

    about: str
    language: Language
    words: str


@dataclass(frozen=True)
class Hit:
    """The nearest phrase and how near it is, from 0 to 100."""

    phrase: Phrase
    score: float


def nearest(text: str, phrases: Sequence[Phrase], language: Language) -> Hit | None:
    """Return the phrase that is nearest to a text; of equally near ones that in the preferred language."""
    wanted = _plain(text)
    if not wanted:
        return None
    found = process.extract(wanted, [_plain(each.words) for each in phrases], scorer=fuzz.WRatio)
    return max(
        (Hit(phrases[i], s) for _, s, i in found),
        default=None,
        key=lambda h: (h.score, h.phrase.language is language),
    )


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
