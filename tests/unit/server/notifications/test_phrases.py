"""What hosts read: every kind in every language, whole and without names; and it always fits into a push."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol.wording import Language
from server.kernel.ids import NoticeId, PersonId
from server.notifications import notice_mail, push, web_push
from server.notifications.kinds import NoticeKind
from server.notifications.models import Notice
from server.notifications.phrases import word

DETAILS = {
    "name": "Taro Yamada",
    "company": "Example K.K.",
    "title": "Kick-off",
    "site": "Tokyo",
    "place": "Front door",
    "minutes": "12",
    "host": "Hanako",
}
NAMELESS = {NoticeKind.TEST, NoticeKind.COMMENT, NoticeKind.LOW_SCORE}
"""These name no visitor: what somebody wrote in the survey is read on the panel only."""
kinds = pytest.mark.parametrize("kind", NoticeKind)
languages = pytest.mark.parametrize("language", Language)


def a_notice(kind: NoticeKind, language: Language, details: dict[str, str]) -> Notice:
    return Notice(
        id=NoticeId("1" * 32),
        person=PersonId("2" * 32),
        kind=kind,
        language=language,
        name="Hanako",
        email="host@genkan.example",
        details=details,
        path="/host/",
        created_at=datetime(2026, 4, 1, tzinfo=UTC),
    )


@kinds
@languages
def test_every_notice_is_worded_in_every_language(kind: NoticeKind, language: Language) -> None:
    whole = word(kind, language, DETAILS)
    if kind not in NAMELESS:
        assert "Taro Yamada" in whole.title
    assert "Hanako" in whole.body
    for known in (DETAILS, {}):
        shown = word(kind, language, known)
        assert shown.title
        assert not {"{", "}"} & set(shown.title + shown.body)


@kinds
@languages
def test_no_name_is_shown_where_names_are_hidden(kind: NoticeKind, language: Language) -> None:
    shown = word(kind, language, DETAILS, hide_names=True)
    assert shown.title
    for secret in ("Taro", "Example", "Kick-off", "Hanako"):
        assert secret not in shown.title + shown.body


@languages
def test_what_is_not_known_is_left_out(language: Language) -> None:
    shown = word(NoticeKind.APPROACHING, language, {"name": "Taro", "minutes": " "})
    assert shown.body == ""


@given(
    st.sampled_from(NoticeKind),
    st.sampled_from(Language),
    st.fixed_dictionaries({key: st.text(max_size=300) for key in DETAILS}),
)
def test_whatever_is_told_fits_into_one_push(
    kind: NoticeKind, language: Language, details: dict[str, str]
) -> None:
    text = push.payload(a_notice(kind, language, details), hide_names=False)
    assert len(text.encode()) <= web_push.LARGEST_TEXT
    assert json.loads(text)["kind"] == kind


def test_the_longest_names_fit_into_one_push() -> None:
    details = dict.fromkeys(DETAILS, "👩" * 300)
    for kind in NoticeKind:
        text = push.payload(a_notice(kind, Language.JA, details), hide_names=False)
        assert len(text.encode()) <= web_push.LARGEST_TEXT


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", "{host.__class__}", "a\r\nBcc: x@y.jp", "\u202egnp.exe"],
)
def test_hostile_names_stay_text(hostile: str) -> None:
    notice = a_notice(NoticeKind.ARRIVED, Language.EN, {"name": hostile})
    mail = notice_mail.write(notice, "https://genkan.example/")
    assert "<script>" not in mail.html
    assert not {"\r", "\n", "\u202e"} & set(mail.subject)
    assert json.loads(push.payload(notice, hide_names=False))["title"] == mail.subject
    assert "https://genkan.example/host/notices/" in mail.text
