"""The phones that the measurements hold before a camera."""

from collections.abc import Iterable, Iterator

from bench.entrance import PacedCamera, draw, shown_flat, smeared
from bench.result import T
from gate_agent.decoder.zxing import ZxingDecoder
from gate_agent.vision import Image, cv2

TEXT = "GK1:ABC0123456789"


def untracked(items: Iterable[T], _what: str, _total: int | None = None, /) -> Iterator[T]:
    yield from items


def read(frame: Image) -> list[str]:
    return ZxingDecoder().read(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).data)


def test_a_drawn_phone_is_readable_after_it_was_packed() -> None:
    (phone,) = draw([TEXT], untracked, "test", 1)
    assert phone.text == TEXT
    assert read(phone.frame()) == [TEXT]


def test_a_flat_code_is_readable() -> None:
    assert read(shown_flat(TEXT)) == [TEXT]


def test_a_phone_on_its_way_is_not_readable() -> None:
    assert read(smeared(shown_flat(TEXT))) == []


def test_a_phone_is_smeared_in_its_first_frame_only_and_gone_when_it_is_lowered() -> None:
    camera = PacedCamera(wait=lambda _seconds: None)
    camera.open()
    camera.hold_up(shown_flat(TEXT))
    seen = [read(camera.read().image) for _ in range(3)]
    camera.hold_up(None)
    assert [*seen, read(camera.read().image)] == [[], [TEXT], [TEXT], []]
