"""The QR picture's version and level."""

import pytest
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.exceptions import DataOverflowError
from qrcode.main import QRCode
from qrcode.util import QRData

from server.credentials.rules import qr_shape


def fits(text: str, version: int, level: int) -> bool:
    code = QRCode(version=version, error_correction=level)
    code.add_data(QRData(text))
    try:
        code.make(fit=False)
    except DataOverflowError:
        return False
    return True


@pytest.mark.parametrize("length", [1, 20, 25, 26, 47, 48, 90, 114, 154, 165, 195, 220, 395])
def test_a_screen_gets_the_smallest_version_and_the_highest_level_that_it_allows(
    length: int,
) -> None:
    text = "GK1:" + "A" * length
    version, level = qr_shape(text)
    assert fits(text, version, level)
    assert version == 1 or not fits(text, version - 1, ERROR_CORRECT_L)
    upwards = [ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q, 2]
    above = upwards[upwards.index(level) + 1 :]
    assert not any(fits(text, version, each) for each in above)


def test_print_gets_level_q() -> None:
    text = "GK1:" + "A" * 190
    version, level = qr_shape(text, for_print=True)
    assert level == ERROR_CORRECT_Q
    assert fits(text, version, level)
    assert not fits(text, version - 1, level)
