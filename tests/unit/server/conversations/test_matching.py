"""The bot answers what is in its list, in three languages, and says that it does not know everything else."""

from access_protocol.wording import Language
from server.conversations import matching
from server.conversations.matching import THRESHOLD, Phrase, nearest
from server.processes.demo_questions import QUESTIONS
from tests.fakes.phrasings import halves

PHRASES = [
    Phrase(str(place), language, words)
    for place, (asked, _) in enumerate(QUESTIONS)
    for language, ways in asked.items()
    for words in ways
]


def _answered(text: str) -> int | None:
    hit = nearest(text, PHRASES, Language.EN)
    return int(hit.phrase.about) if hit and hit.score >= THRESHOLD else None


def _counted(asked: list[tuple[int | None, str]]) -> tuple[int, int, int]:
    """How many were answered rightly, wrongly, and though they are in no list."""
    given = [(meant, _answered(text)) for meant, text in asked]
    right = sum(meant is not None and meant == found for meant, found in given)
    wrong = sum(meant is not None and found not in {None, meant} for meant, found in given)
    invented = sum(meant is None and found is not None for meant, found in given)
    return right, wrong, invented


def test_of_the_phrasings_that_chose_the_threshold_most_are_answered_and_hardly_one_wrongly() -> (
    None
):
    right, wrong, invented = _counted(halves()[0])
    assert right >= 52
    assert wrong <= 1
    assert invented <= 2


def test_of_phrasings_never_looked_at_as_many_are_answered() -> None:
    right, wrong, invented = _counted(halves()[1])
    assert right >= 48
    assert wrong <= 3
    assert invented == 0


def test_each_phrase_of_the_list_finds_its_own_question() -> None:
    assert not [each for each in PHRASES if _answered(each.words) != int(each.about)]


def test_case_width_and_punctuation_make_no_difference() -> None:
    assert _answered("ＷＩＦＩ ＰＡＳＳＷＯＲＤ！！") == _answered("wifi password") == 0


def test_the_language_that_was_written_is_the_one_that_is_found() -> None:
    hit = nearest("停车场在哪里", PHRASES, Language.EN)
    assert hit is not None
    assert hit.phrase.language is Language.ZH


def test_nothing_is_found_in_an_empty_list_nor_for_an_empty_text() -> None:
    assert nearest("wifi", [], Language.EN) is None
    assert nearest(" ?! ", PHRASES, Language.EN) is None
    assert nearest("wifi", [Phrase("1", Language.EN, "?!")], Language.EN) is None


def test_a_score_is_never_beyond_a_hundred() -> None:
    hit = nearest("wifi wifi wifi wifi", [Phrase("1", Language.EN, "wifi")], Language.EN)
    assert hit is not None
    assert 0 < hit.score <= 100
    assert hit.score > matching.THRESHOLD
