"""The forms of names in reports are the forms of `ids`, to the last character."""

import pytest

from access_protocol import codec
from access_protocol.commands import Ask
from access_protocol.enrolment import EnrolmentRequest
from access_protocol.events import LiveNotice

KEY = b"A" * 43 + b"="
EVENT = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize("tail", ["\n", " ", "\r\n", "\u2028", "\x00"])
def test_a_name_with_something_behind_it_is_refused(tail: str) -> None:
    behind = tail.encode("unicode_escape").replace(b"\\x", b"\\u00")
    for kind, before, name in (
        (Ask, b'"event":', EVENT.encode()),
        (LiveNotice, b'"what":', b"visits"),
        (
            EnrolmentRequest,
            b'"csr":"AA==","public_key":"%s","proof":"%s","code":' % (KEY, KEY),
            b"ABCD",
        ),
    ):
        whole = b'{"version":1,' + before + b'"' + name
        assert isinstance(codec.decode(kind, whole + b'"}'), kind)
        with pytest.raises(codec.MalformedReportError):
            codec.decode(kind, whole + behind + b'"}')
