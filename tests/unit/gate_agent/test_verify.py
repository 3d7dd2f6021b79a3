"""The command `verify`: a decision as JSON, and its exit status."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from access_protocol.ids import ZoneNumber
from gate_agent.command_line import app
from tests.fakes.gate_site import ISSUER, NOW, static

AT = NOW.isoformat().replace("+00:00", "Z")
HEX = ISSUER.public.hex()
Verify = Callable[..., Result]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def run(text: str, keys: object = None, at: str = AT, typed: str | None = None) -> Result:
        file = tmp_path / "keys.json"
        told = {"site": "TYO", "keys": [HEX]} if keys is None else keys
        file.write_text(told if isinstance(told, str) else json.dumps(told))
        command = ["verify", "--keys", str(file), "--at", at, "--", text]
        return CliRunner().invoke(app, command, input=typed)

    return run


def test_a_valid_credential_is_granted_with_status_0(verify: Verify) -> None:
    result = verify(static())
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "decision": "granted",
        "reason": None,
        "sentence": None,
        "credential": "00000000000000000000000000000001",
        "class": "static",
        "generation": 0,
        "presented_at": None,
    }


def test_the_text_can_come_from_standard_input(verify: Verify) -> None:
    assert verify("-", typed=static() + "\n").exit_code == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("GK1:NOPE", "malformed"),
        ("https://example.com", "no_code"),
        (static(at=NOW - timedelta(days=1)), "expired"),
        (static(at=NOW + timedelta(days=1)), "not_yet_valid"),
    ],
)
def test_a_refusal_names_its_reason_with_status_1(verify: Verify, text: str, reason: str) -> None:
    result = verify(text)
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["decision"], told["reason"]) == ("denied", reason)
    assert told["sentence"]


@pytest.mark.parametrize(
    "key",
    [
        HEX.upper(),
        base64.b64encode(ISSUER.public).decode(),
        base64.urlsafe_b64encode(ISSUER.public).decode().rstrip("="),
        {"public": HEX, "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"},
    ],
)
def test_a_key_is_read_in_hex_and_in_base64_and_with_its_time(verify: Verify, key: object) -> None:
    assert verify(static(), {"site": "TYO", "keys": [key]}).exit_code == 0


@pytest.mark.parametrize(
    ("further", "reason"),
    [
        ({"revocations": {"00000000000000000000000000000001": 1}}, "revoked"),
        ({"access_point": {"zone": 3}}, "wrong_zone"),
        ({"access_point": {"zone": 2, "classes": ["bound"]}}, "class_not_allowed"),
        ({"site": "OSA"}, "wrong_site"),
        ({"keys": [{"public": HEX, "not_after": "2020-01-01T00:00:00Z"}]}, "unknown_key"),
    ],
)
def test_everything_in_the_keys_file_counts(verify: Verify, further: object, reason: str) -> None:
    assert isinstance(further, dict)
    result = verify(static(), {"site": "TYO", "keys": [HEX], **further})
    assert json.loads(result.stdout)["reason"] == reason


def test_without_an_access_point_the_place_is_not_checked(verify: Verify) -> None:
    assert verify(static(zones=(ZoneNumber(3), ZoneNumber(4)))).exit_code == 0


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("{", "keys.json"),
        ({"keys": [HEX]}, "site"),
        ({"site": "TYO\n", "keys": [HEX]}, "site"),
        ({"site": "TYO", "keys": []}, "keys"),
        ({"site": "TYO", "keys": ["AAAA"]}, "keys[0]"),
        ({"site": "TYO", "keys": ["not base64 at all"]}, "keys[0]"),
        ({"site": "TYO", "keys": [HEX], "revocations": {"xyz": 1}}, "revocations"),
        ({"site": "TYO", "keys": [HEX], "colour": "blue"}, "colour"),
    ],
)
def test_a_keys_file_that_cannot_be_used_names_the_field_with_status_2(
    verify: Verify, keys: object, told: str
) -> None:
    result = verify(static(), keys)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("at", ["yesterday", "2026-04-01T09:00:00"])
def test_a_time_without_its_zone_is_bad_usage(verify: Verify, at: str) -> None:
    result = verify(static(), at=at)
    assert result.exit_code == 2
    assert "--at" in result.stderr
