"""What a scan engine sends is put together, and what is no text is dropped without a trace but its count."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_agent.scanner.texts import LONGEST_TEXT, Texts

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0 HJV7:8P*U0-3DW98KWXG7"


class Engine:
    """Feeds `Texts` and records what comes out of it."""

    def __init__(self, prefix: str = "") -> None:
        self.rubbish: list[str] = []
        self.now = 100.0
        self.texts = Texts(prefix=prefix, on_rubbish=self.rubbish.append)

    def send(self, *pieces: str) -> list[str]:
        for piece in pieces:
            self.texts.add(piece, self.now)
        got: list[str] = []
        while (text := self.texts.next()) is not None:
            got.append(text)
        return got


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\t", "\x03", "\r\r\n"])
def test_each_way_to_end_a_text_gives_it_once(end: str) -> None:
    assert Engine().send(PASS + end + PASS + end) == [PASS, PASS]


@pytest.mark.parametrize("framed", ["]Q1" + PASS, "]Q3" + PASS, "\x02" + PASS, "\x02]Q1" + PASS])
def test_what_engines_put_before_a_text_is_cut_off(framed: str) -> None:
    engine = Engine()
    assert engine.send(framed + "\r") == [PASS]
    assert engine.rubbish == []


def test_a_prefix_is_cut_off_where_it_is_and_only_once() -> None:
    assert Engine("QR").send(f"QR{PASS}\r", f"{PASS}\r", f"QR]Q1{PASS}\r") == [PASS] * 3
    assert Engine("QR").send("QRQRX\r") == ["QRX"]


def test_a_text_that_never_ends_is_dropped_and_the_next_one_is_whole() -> None:
    engine = Engine()
    assert engine.send(PASS) == []
    engine.now += 1.1
    assert engine.send(PASS + "\r") == [PASS]
    assert len(engine.rubbish) == 1
    assert "send Enter" in engine.rubbish[0]


def test_silence_alone_drops_a_text_without_an_end_once() -> None:
    engine = Engine()
    engine.send("GK1:HALF")
    engine.texts.silent(engine.now + 0.9)
    assert engine.rubbish == []
    engine.texts.silent(engine.now + 1.1)
    engine.texts.silent(engine.now + 9.9)
    assert len(engine.rubbish) == 1
    assert engine.send("\r") == []


def test_a_slow_line_may_take_its_time_between_pieces() -> None:
    engine = Engine()
    for piece in (PASS[:10], PASS[10:20], PASS[20:]):
        engine.send(piece)
        engine.now += 0.9
    assert engine.send("\r") == [PASS]


def test_what_is_longer_than_any_code_is_dropped_without_being_kept() -> None:
    engine = Engine()
    assert engine.send(*["A" * 1000] * 50, "\r", PASS + "\r") == [PASS]
    assert engine.rubbish == [f"a text of more than {LONGEST_TEXT} characters"]
    assert engine.send("B" * LONGEST_TEXT + "\r") == ["B" * LONGEST_TEXT]


@pytest.mark.parametrize("rubbish", ["\x00\x01\xff", "caf\xe9", "GK1:\ufffd"])
def test_what_is_no_printable_ascii_is_dropped(rubbish: str) -> None:
    engine = Engine()
    assert engine.send(rubbish + "\r" + PASS + "\r") == [PASS]
    assert len(engine.rubbish) == 1


@pytest.mark.parametrize("mistyped", ["GK1'6BFOX", "gk1:6bfox", "GK1Ö6BFOX"[:3] + ";6BFOX"])
def test_a_pass_typed_in_another_layout_is_named(mistyped: str) -> None:
    engine = Engine()
    assert engine.send(mistyped + "\r") == []
    assert "layout" in engine.rubbish[0]


def test_texts_that_nobody_fetched_do_not_pile_up() -> None:
    engine = Engine()
    engine.texts.add("".join(f"{number}\r" for number in range(1000)), engine.now)
    assert engine.send() == [str(number) for number in range(968, 1000)]


@settings(deadline=None)
@given(st.lists(st.text(st.characters(max_codepoint=255)), max_size=20))
def test_whatever_bytes_come_the_next_pass_is_read(pieces: list[str]) -> None:
    engine = Engine()
    for text in engine.send(*pieces):
        assert set(text) <= set(string.printable)
        assert 0 < len(text) <= LONGEST_TEXT
    assert engine.send("\r" + PASS + "\r")[-1:] == [PASS]


@settings(deadline=None)
@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", min_size=1), st.data())
def test_however_a_pass_is_cut_into_pieces_it_is_put_together(
    body: str, data: st.DataObject
) -> None:
    sent = f"GK1:{body}\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    assert Engine().send(*pieces) == [f"GK1:{body}"]
