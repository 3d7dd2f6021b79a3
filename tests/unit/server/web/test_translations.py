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
SAME = {"API", "%(product)s API"}


def _texts() -> Iterator[str]:
    folder = str(Path(server.__file__).parent)
    for _, _, message, _, _ in extract_from_dir(folder, method_map=METHODS):
        yield message[0] if isinstance(message, tuple) else message


def _catalogue(language: str) -> Catalog:
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_nothing_on_a_screen_is_left_in_english(language: str) -> None:
    catalogue = _catalogue(language)
    missing = {
        text for text in _texts() if not (message := catalogue.get(text)) or not any(message.string)
    }
    assert not missing


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    for message in _catalogue(language):
        if not message.id:
            continue
        original = message.id[-1] if isinstance(message.id, tuple) else message.id
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in texts:
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(original)), original


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_no_translation_is_the_english_text(language: str) -> None:
    same = {
        message.id
        for message in _catalogue(language)
        if isinstance(message.id, str) and message.id and message.string == message.id
    }
    assert same <= SAME
