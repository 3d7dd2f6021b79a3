"""Which phrase of a list is nearest to what somebody typed, in any of the three languages. Pure.

BM25 (bm25s) over characters and pairs of characters, so that no language needs its words told apart, and small
mistakes of typing cost little. A score is divided by the geometric mean of what text and phrase score against
themselves, which makes it a measure from 0 to 100 that one threshold can be set for. How that and the threshold were
chosen stands in docs/adr/0031-matching-questions.md.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# bm25s leaves the types of what it returns open.

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import bm25s

from access_protocol.wording import Language

THRESHOLD = 37.0
"""Below this the bot does not know: chosen on one half of tests/fakes/phrasings.py, and kept on the other."""
_K1, _B = 1.2, 0.5
_LISTS_KEPT = 16
_CJK = 0x2E80
"""From here on (CJK radicals) scripts are written without blanks between the words."""
_SEPARATORS = re.compile(r"[\W_]+")
# What people say around any question, longest first: it tells nothing of what they ask.
_AROUND = (
    *("お願いします", "でしょうか", "ありますか", "すみません", "ください", "のですが"),
    *("不好意思", "怎么办", "教えて", "大丈夫", "ですか", "ますか", "请问", "你们", "我的", "可以"),
    *("一下", "です", "ます", "たい", "吗", "呢"),
)
# fmt: off
_SMALL_WORDS = frozenset({
    "a", "an", "the", "is", "are", "am", "i", "im", "you", "your", "my", "me", "we", "our",
    "it", "its", "this", "that", "there", "here", "do", "does", "did", "can", "could", "may",
    "might", "will", "would", "shall", "to", "of", "in", "on", "at", "for", "from", "by",
    "with", "and", "or", "please", "what", "whats", "how", "some", "any", "be", "have", "has",
    "s",
})
# fmt: on


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


class Index:
    """A list of phrases made ready to be asked."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        """Take the phrases; those without a letter can never be found."""
        pieces = [(each, _pieces(each.words)) for each in phrases]
        self._phrases = [each for each, found in pieces if found]
        found = [each for _, each in pieces if each]
        self._weights = _weights(found)
        self._scorer = bm25s.BM25(method="lucene", k1=_K1, b=_B) if found else None
        if self._scorer is not None:
            self._scorer.index(found, show_progress=False)
            self._own = [
                float(self._scorer.get_scores(list(dict.fromkeys(each)))[place])
                for place, each in enumerate(found)
            ]

    def nearest(self, text: str, language: Language) -> Hit | None:
        """Return the phrase nearest to a text, of equally near ones that in the preferred language."""
        asked = list(dict.fromkeys(_pieces(text)))
        known = [each for each in asked if each in self._weights]
        if self._scorer is None or not known:
            return None
        scores = self._scorer.get_scores(known)
        own = sum(self._weights.get(each, self._weight_of_unknown) for each in asked) / (1 + _K1)
        hits = [
            Hit(phrase, min(100.0, 100 * float(score) / math.sqrt(own * most)))
            for phrase, score, most in zip(self._phrases, scores, self._own, strict=True)
        ]
        return max(hits, key=lambda hit: (hit.score, hit.phrase.language is language))

    @property
    def _weight_of_unknown(self) -> float:
        return math.log(1 + (len(self._phrases) + 0.5) / 0.5)


def nearest(text: str, phrases: Sequence[Phrase], language: Language) -> Hit | None:
    """Return the phrase that is nearest to a text; None where nothing of it is in the list."""
    return _index(tuple(phrases)).nearest(text, language)


@lru_cache(_LISTS_KEPT)
def _index(phrases: tuple[Phrase, ...]) -> Index:
    return Index(phrases)


def _weights(pieces: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return how much each piece tells: what stands in few phrases tells more (Lucene's form of IDF)."""
    count = len(pieces)
    within = Counter(each for phrase in pieces for each in set(phrase))
    return {
        each: math.log(1 + (count - often + 0.5) / (often + 0.5)) for each, often in within.items()
    }


def _pieces(text: str) -> list[str]:
    """Return pairs of characters of each word, and in scripts without blanks single characters too."""
    found: list[str] = []
    for word in _told_apart(text):
        without_blanks = any(ord(each) > _CJK for each in word)
        if without_blanks:
            found += list(word)
        marked = word if without_blanks else f" {word} "
        found += [marked[at : at + 2] for at in range(len(marked) - 1)]
    return found


def _told_apart(text: str) -> list[str]:
    plain = _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    bare = plain
    for each in _AROUND:
        bare = bare.replace(each, " ")
    words = [each for each in bare.split() if each not in _SMALL_WORDS]
    # Somebody may ask nothing but such words; then they are all there is.
    return words or plain.split()
