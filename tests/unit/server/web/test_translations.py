"""Every word on the screens is there in Japanese and Chinese."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import server
from server.web.languages import TRANSLATIONS

METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
# Abbreviations and names that are the same everywhere.
SAME = {"API", "%(product)s API", "WeChat", "%(number)s m", "%(number)s km"}


def _texts() -> Iterator[str]:
    folder = str(Path(server.__file__).parent)
    for _, _, message, _, _ in extract_from_dir(folder, method_map=METHODS):
        yield message[0] if isinstance(message, tuple) else message


def _catalogue(language: str) -> Catalog:
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


def _pairs(language: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each English text (of several forms the last) with its translation in all forms."""
    for message in _catalogue(language):
        original = message.id if isinstance(message.id, str) else message.id[-1]
        texts = message.string or ""
        if original:
            yield original, (texts,) if isinstance(texts, str) else tuple(texts)


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_a_catalogue_is_not_marked_as_fuzzy_which_compiling_would_skip(language: str) -> None:
    assert not _catalogue(language).fuzzy


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_nothing_on_a_screen_is_left_in_english(language: str) -> None:
    catalogue = _catalogue(language)
    known = {text for text in _texts() if (found := catalogue.get(text)) and found.string}
    translated = {original for original, texts in _pairs(language) if all(texts)}
    plurals = {message.id[0] for message in catalogue if isinstance(message.id, (tuple, list))}
    assert set(_texts()) - known == set()
    assert known - translated - plurals == set()


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    for original, texts in _pairs(language):
        for text in texts:
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(original)), original


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_no_translation_is_the_english_text(language: str) -> None:
    assert {original for original, texts in _pairs(language) if original in texts} <= SAME
