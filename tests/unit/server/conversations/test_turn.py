"""Credentials for a TURN server are made as the servers reckon them (draft-uberti-behave-turn-rest, section 2.2)."""

from datetime import UTC, datetime

import pytest

from server.conversations import turn

SECRET = "a secret of both"
CALL = "0123456789abcdef0123456789abcdef"
ENDS = datetime(2026, 12, 2, 0, 0, tzinfo=UTC)
# printf %s USERNAME | openssl dgst -sha1 -hmac SECRET -binary | base64
# coturn 4.6.1 with `use-auth-secret` lets in who shows them, and nobody with another secret or a time that has passed.
VECTOR = ("1796169600:0123456789abcdef0123456789abcdef", "gSoW3/GdH/IcBOO4wlEjDc006Sc=")


def test_the_user_is_the_time_of_the_end_and_the_call_and_the_password_its_hmac() -> None:
    (found,) = turn.servers("turn:turn.company:3478", SECRET, CALL, ENDS)

    assert (found.username, found.credential) == VECTOR
    assert found.urls == ["turn:turn.company:3478"]


def test_a_fraction_of_a_second_does_not_stand_in_the_user_name() -> None:
    (found,) = turn.servers("turn:x", SECRET, CALL, ENDS.replace(microsecond=999_999))

    assert found.username == VECTOR[0]


@pytest.mark.parametrize("who", ["another call", ""])
def test_another_user_name_or_secret_has_another_password(who: str) -> None:
    (theirs,) = turn.servers("turn:x", SECRET, who, ENDS)
    (elsewhere,) = turn.servers("turn:x", "another secret", CALL, ENDS)

    assert VECTOR[1] not in {theirs.credential, elsewhere.credential}


def test_who_only_tells_addresses_gets_no_credential() -> None:
    listed = " turns:turn.company:5349, stun:turn.company:3478 ,,turn:turn.company:3478"
    stun, relay = turn.servers(listed, SECRET, CALL, ENDS)

    assert stun == turn.IceServer(["stun:turn.company:3478"])
    assert relay.urls == ["turns:turn.company:5349", "turn:turn.company:3478"]
    assert relay.credential
    assert turn.servers("", SECRET, CALL, ENDS) == []
