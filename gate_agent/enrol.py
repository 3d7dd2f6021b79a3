"""Makes this machine a gate: its own key and a one-time code for a name, a broker and an authority."""

import json
import secrets
import urllib.error
import urllib.request
from typing import cast
from urllib.parse import urlsplit

import msgspec

from access_protocol import codec
from access_protocol.codec import MalformedReportError
from access_protocol.enrolment import Enrolment, EnrolmentRequest
from access_protocol.keys import ED25519_KEY_BYTES, SigningKey
from gate_agent.local_store import LocalStore

PATH = "/api/v1/devices/enrolments"
_WITHIN_S = 15.0


class EnrolmentFailed(Exception):
    """Why the gate could not be enrolled, in words for the person at the keyboard."""


def enrol(url: str, code: str, store: LocalStore) -> Enrolment:
    """Enrol at the server's `url` with an administrator's one-time `code`; keep what it answers.

    Raises `EnrolmentFailed`.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise EnrolmentFailed(
            f"{url} is no address of a server: it begins with http:// or https://"
        )
    key = SigningKey(secrets.token_bytes(ED25519_KEY_BYTES))
    request = EnrolmentRequest(code=code.strip().upper(), public_key=key.public)
    try:
        # A slip in the code is told here, before anything goes over the network.
        msgspec.convert(msgspec.to_builtins(request), EnrolmentRequest)
    except msgspec.ValidationError:
        raise EnrolmentFailed(
            "the code has four groups of four letters or digits 2 to 7, such as ABCD-EFGH-2345-67IJ"
        ) from None
    answer = _post(url.rstrip("/") + PATH, codec.encode(request))
    try:
        enrolment = codec.decode(Enrolment, answer)
    except MalformedReportError as error:
        raise EnrolmentFailed(f"the server's answer cannot be used: {error}") from error
    if enrolment.kind != "gate":
        raise EnrolmentFailed(f"this code is for a {enrolment.kind}, not for a gate")
    try:
        store.enrol(enrolment, key)
    except OSError as error:
        raise EnrolmentFailed(f"{store.folder} cannot be written: {error.strerror}") from error
    return enrolment


def is_enrolment(text: str) -> bool:
    """Tell whether a text that a camera read means to be an enrolment code."""
    return text.startswith("GKE1:")


def enrol_from_text(text: str, store: LocalStore) -> Enrolment:
    """Enrol with what an enrolment QR says (`GKE1:…`), as `enrol` does with a code that was typed.

    It speaks with the server over HTTP and may take 15 s. Raises `EnrolmentFailed`, whose message says which
    field is wrong and what to do next.
    """
    raise EnrolmentFailed(f"{text[:5]} cannot be used yet; {store.folder} is as it was")


def _post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310
            return cast("bytes", answer.read(codec.REPORT_CEILING + 1))
    except urllib.error.HTTPError as error:
        with error:
            raise EnrolmentFailed(_problem(error.read(codec.REPORT_CEILING), error.code)) from error
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise EnrolmentFailed(f"{url} cannot be reached: {reason}") from error


def _problem(body: bytes, status: int) -> str:
    """Return what the server's problem details (RFC 9457) say, as one sentence."""
    try:
        problem = json.loads(body)
        errors = [f"{one['field']}: {one['why']}" for one in problem.get("errors", [])]
        told = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError, KeyError, TypeError):
        return f"the server refused (status {status})"
    return "; ".join([f"the server refused: {told or status}", *errors])
