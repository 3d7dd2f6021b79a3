"""Lists of guests: whatever mail programs and spreadsheets give, nobody is lost and each problem is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.visits import guest_lists

TARO = ("Taro Yamada", "taro@example.jp", "ACME")


def people(text: str) -> list[tuple[str, str, str]]:
    return [(each.name, each.email, each.company) for each in guest_lists.read(text)]


@pytest.mark.parametrize(
    "line",
    [
        "Taro Yamada <taro@example.jp>, ACME",
        "Taro Yamada, taro@example.jp, ACME",
        "Taro Yamada\ttaro@example.jp\tACME",
        "taro@example.jp; Taro Yamada; ACME",
        "Taro Yamada，taro@example.jp，ACME",
        "Taro Yamada＜taro@example.jp＞、ACME",
        '"Taro Yamada" <taro@example.jp>; ACME',
        "Taro Yamada,ACME,taro@example.jp",
        "  Taro Yamada  taro@example.jp , ACME",
    ],
)
def test_one_person_is_read_from_any_mix(line: str) -> None:
    assert people(line) == [TARO]


def test_a_line_of_recipients_is_several_people() -> None:
    line = "Taro <taro@example.jp>; Hana <hana@example.jp>, jiro@example.jp"
    assert [each[:2] for each in people(line)] == [
        ("Taro", "taro@example.jp"),
        ("Hana", "hana@example.jp"),
        ("", "jiro@example.jp"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Name,E-mail,Company\nTaro Yamada,taro@example.jp,ACME\n",
        "会社名,氏名,メールアドレス\nACME,Taro Yamada,taro@example.jp\n",
        "姓名;邮箱;公司\nTaro Yamada;taro@example.jp;ACME\n",
        "Company\tEmail\tName\r\nACME\ttaro@example.jp\tTaro Yamada\r\n",
    ],
)
def test_a_header_tells_which_column_is_which(text: str) -> None:
    assert people(text) == [TARO]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_a_japanese_file_is_read_in_its_encoding(encoding: str) -> None:
    text = "氏名,メールアドレス,会社名\n山田太郎,taro@example.jp,株式会社玄関\n"
    assert people(guest_lists.decoded(text.encode(encoding))) == [
        ("山田太郎", "taro@example.jp", "株式会社玄関")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_chinese_file_is_read_in_its_encoding(encoding: str) -> None:
    text = (
        "姓名,邮箱,公司\n张伟,zhang@example.cn,北京科技有限公司\n李娜,li@example.cn,上海贸易公司\n"
    )
    assert people(guest_lists.decoded(text.encode(encoding)))[0] == (
        "张伟",
        "zhang@example.cn",
        "北京科技有限公司",
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("佐藤花子,hana@example.jp,日本電気工業\n鈴木一郎,ichiro@example.jp,東京商事", "cp932"),
        ("王芳,wang@example.cn,深圳市电子厂\n刘洋,liu@example.cn,广州设计院", "gb18030"),
    ],
)
def test_names_alone_tell_the_two_old_encodings_apart(text: str, encoding: str) -> None:
    assert guest_lists.decoded(text.encode(encoding)) == text


def test_what_is_no_text_is_said_so() -> None:
    with pytest.raises(guest_lists.Unreadable):
        guest_lists.decoded(b"\x89PNG\r\n\x1a\n\x00\x00\xff\xff\xff\x80")


def test_each_problem_is_named_and_every_line_kept() -> None:
    found = guest_lists.read("Taro <taro@example.jp>\nHana\nJiro <jiro@>\nT2 <TARO@example.jp>\n\n")
    assert [(each.line, each.name) for each in found] == [
        (1, "Taro"),
        (2, "Hana"),
        (3, "Jiro"),
        (4, "T2"),
    ]
    assert [list(each.problems) for each in found] == [
        [],
        [("email", "is missing")],
        [("email", "is not an e-mail address")],
        [("email", "is on the list twice")],
    ]


def test_an_address_with_a_slip_in_it_stays_an_address() -> None:
    (found,) = guest_lists.read("Mei; mei@; Initech")
    assert (found.name, found.email, found.company) == ("Mei", "mei@", "Initech")
    assert found.problems == [("email", "is not an e-mail address")]


def test_who_is_invited_already_is_a_duplicate() -> None:
    (found,) = guest_lists.read("Taro <taro@example.jp>", known=["Taro@Example.jp"])
    assert found.problems == [("email", "is on the list twice")]


@given(st.text(max_size=400))
def test_no_text_breaks_it_and_no_address_is_lost(text: str) -> None:
    found = guest_lists.read(text + "\nLast, last@example.jp")
    assert any("last@example.jp" in each.email for each in found) or '"' in text


@given(st.binary(max_size=300))
def test_no_bytes_break_it(content: bytes) -> None:
    try:
        text = guest_lists.decoded(content)
    except guest_lists.Unreadable:
        return
    guest_lists.read(text)
