"""Makes this machine a gate: its own keys and a one-time code for a name, a certificate and an authority.

The code is typed by a person, or held before the camera as a QR; who watches the camera of a gate that is not
enrolled gives what it reads to `enrol_from_text`.
"""

import http.client
import json
import secrets
import urllib.error
import urllib.request
from typing import cast

from access_protocol import codec, enrolment
from access_protocol.certificates import UnusableCertificateError, new_key, request_for
from access_protocol.codec import MalformedReportError
from access_protocol.enrolment import (
    Enrolment,
    EnrolmentAnswer,
    MalformedTicketError,
    Ticket,
    UnprovenAnswerError,
)
from access_protocol.keys import ED25519_KEY_BYTES, SigningKey
from gate_agent.local_store import LocalStore

PATH = "/api/v1/devices/enrolments"
_WITHIN_S = 15.0
_NO_ANSWER = (OSError, http.client.HTTPException)
"""What comes of a server that is away, or that speaks something else than HTTP."""


class EnrolmentFailed(Exception):
    """Why the gate could not be enrolled, in words for the person who stands before it."""


def enrol(url: str, code: str, store: LocalStore) -> Enrolment:
    """Enrol at the server's `url` with an administrator's one-time `code`; keep what it answers.

    Raises `EnrolmentFailed`.
    """
    try:
        # A slip in the code is told here, before anything goes over the network.
        return _exchange(Ticket.typed(url, code), store)
    except MalformedTicketError as error:
        raise EnrolmentFailed(str(error)) from error


def is_enrolment(text: str) -> bool:
    """Tell whether a text that a camera read means to be an enrolment code."""
    return enrolment.is_ticket(text.strip())


def enrol_from_text(text: str, store: LocalStore) -> Enrolment:
    """Enrol with what an enrolment QR says (`GKE1:…`), as `enrol` does with a code that was typed.

    It speaks with the server over HTTP and may take 15 s; nothing in `store` is changed before it has succeeded.
    Raises `EnrolmentFailed`, whose message says which field is wrong and what to do next.
    """
    try:
        return _exchange(Ticket.read(text.strip()), store)
    except MalformedTicketError as error:
        raise EnrolmentFailed(f"{error}; make a new code on the panel's devices page") from error


def _exchange(ticket: Ticket, store: LocalStore) -> Enrolment:
    key = SigningKey(secrets.token_bytes(ED25519_KEY_BYTES))
    tls_key = new_key()
    asked = enrolment.request(ticket, key.public, request_for(tls_key))
    body = _post(ticket.url + PATH, codec.encode(asked))
    try:
        told = codec.decode(EnrolmentAnswer, body)
        enrolled = enrolment.open_answer(told, asked, ticket)
        enrolment.identity(enrolled, tls_key)
    except (MalformedReportError, UnusableCertificateError) as error:
        raise EnrolmentFailed(f"the server's answer cannot be used: {error}") from error
    except UnprovenAnswerError as error:
        raise EnrolmentFailed(
            f"{error}. Somebody on the way to {ticket.url} may be playing the server: "
            "check the address and the network, and make a new code"
        ) from error
    if enrolled.kind != "gate":
        raise EnrolmentFailed(f"code: is for a {enrolled.kind}, not for a gate; it is spent now")
    try:
        store.enrol(enrolled, key, tls_key)
    except OSError as error:
        raise EnrolmentFailed(f"{store.folder} cannot be written: {error.strerror}") from error
    return enrolled


def _post(url: str, body: bytes) -> bytes:
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            url, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:  # noqa: S310
            return cast("bytes", answer.read(codec.REPORT_CEILING + 1))
    except urllib.error.HTTPError as error:
        raise EnrolmentFailed(_problem(_body(error), error.code)) from error
    except (
        *_NO_ANSWER,
        ValueError,
    ) as error:  # ValueError: a name or a path that HTTP cannot carry
        reason = getattr(error, "reason", error)
        raise EnrolmentFailed(f"{url} cannot be reached: {reason}") from error


def _body(error: urllib.error.HTTPError) -> bytes:
    try:
        with error:
            return error.read(codec.REPORT_CEILING)
    except (*_NO_ANSWER, ValueError):
        return b""


def _problem(body: bytes, status: int) -> str:
    """Return what the server's problem details (RFC 9457) say, as one sentence."""
    try:
        problem = json.loads(body)
        errors = [f"{one['field']}: {one['why']}" for one in problem.get("errors", [])]
        told = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError, KeyError, TypeError):
        return f"the server refused (status {status})"
    return "; ".join([f"the server refused: {told or status}", *errors])
