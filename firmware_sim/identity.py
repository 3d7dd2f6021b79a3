"""Who this controller is: made and enrolled at the first start, then read from its state folder."""

import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import msgspec

from access_protocol import codec, enrolment
from access_protocol.certificates import (
    TlsIdentity,
    UnusableCertificateError,
    new_key,
    request_for,
)
from access_protocol.enrolment import (
    Enrolment,
    EnrolmentAnswer,
    EnrolmentRequest,
    MalformedTicketError,
    Ticket,
    UnprovenAnswerError,
)
from access_protocol.enrolment import identity as identity_of
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.keys import SigningKey
from firmware_sim.controller import Identity, authority_ring
from firmware_sim.kept import write_private

IDENTITY_FILE = "identity.json"
ENROLMENTS = "/api/v1/devices/enrolments"
ANSWERS_WITHIN = 10.0
"""Seconds that the server may take."""
_LARGEST_ANSWER = 64 * 1024
_SEED_BYTES = 32


class EnrolmentError(Exception):
    """The controller could not become who it should be; the message says what to do next."""


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    seed: bytes
    tls_key: bytes
    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A controller's own keys, and what the server told it at its enrolment."""

    key: SigningKey
    tls: TlsIdentity
    enrolment: Enrolment

    @property
    def identity(self) -> Identity:
        """Who it is, and whose documents it trusts."""
        told = self.enrolment
        return Identity(SiteCode(told.site), DeviceId(told.device), authority_ring(told.authority))


def load(folder: Path, device: DeviceId) -> Enrolled | None:
    """Return the stored identity, None where there is none yet; raise `EnrolmentError`."""
    file = folder / IDENTITY_FILE
    try:
        stored = msgspec.json.decode(file.read_bytes(), type=_Stored)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EnrolmentError(
            f"{file} is damaged ({error}). Remove it and enrol with a new code."
        ) from error
    if stored.enrolment.device != device:
        raise EnrolmentError(
            f"{folder} belongs to {stored.enrolment.device}, not to {device}. "
            "Give each controller a state folder of its own."
        )
    try:
        tls = identity_of(stored.enrolment, stored.tls_key)
    except UnusableCertificateError as error:
        raise EnrolmentError(
            f"{file} is damaged ({error}). Remove it and enrol with a new code."
        ) from error
    return Enrolled(SigningKey(stored.seed), tls, stored.enrolment)


def enrol(folder: Path, device: DeviceId, server_url: str, code: str) -> Enrolled:
    """Make two keys, exchange the one-time code for an identity, and store all of it (mode 0600).

    `server_url` is where the server listens, e.g. ``http://127.0.0.1:8080``. Raises `EnrolmentError`.
    """
    try:
        ticket = Ticket.typed(server_url, code)
    except MalformedTicketError as error:
        option = {"url": "--enrol-url", "code": "--code"}.get(error.field, error.field)
        raise EnrolmentError(str(error).replace(error.field, option, 1)) from error
    key, tls_key = SigningKey(os.urandom(_SEED_BYTES)), new_key()
    asked = enrolment.request(ticket, key.public, request_for(tls_key))
    told = _exchanged(ticket, asked)
    if told.kind != "controller" or told.device != device:
        raise EnrolmentError(
            f"the code is for the {told.kind} {told.device}, not for the controller "
            f"{device}. The code is spent: make a new one for {device}."
        )
    try:
        tls = identity_of(told, tls_key)
    except UnusableCertificateError as error:
        raise EnrolmentError(f"The server's answer cannot be used: {error}.") from error
    _store(folder, _Stored(seed=key.seed, tls_key=tls_key, enrolment=told))
    return Enrolled(key, tls, told)


def renew(folder: Path, enrolled: Enrolled, tls: TlsIdentity) -> Enrolled:
    """Store the next certificate with its key instead of the present ones; raise OSError."""
    told = msgspec.structs.replace(enrolled.enrolment, certificate=tls.certificate)
    _store(folder, _Stored(seed=enrolled.key.seed, tls_key=tls.key, enrolment=told))
    return Enrolled(enrolled.key, tls, told)


def _store(folder: Path, stored: _Stored) -> None:
    write_private(folder / IDENTITY_FILE, msgspec.json.encode(stored))


def _exchanged(ticket: Ticket, asked: EnrolmentRequest) -> Enrolment:
    url = ticket.url + ENROLMENTS
    post = urllib.request.Request(  # noqa: S310 - the ticket has looked at the scheme
        url,
        codec.encode(asked),
        {"Content-Type": "application/json", "Accept": "application/json"},
    )
    # The server is in the same house: a proxy for the world outside has no part in this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(post, timeout=ANSWERS_WITHIN) as answer:
            told = codec.decode(EnrolmentAnswer, answer.read(_LARGEST_ANSWER + 1))
            return enrolment.open_answer(told, asked, ticket)
    except urllib.error.HTTPError as error:
        with error:
            raise EnrolmentError(_refusal(error)) from error
    except codec.MalformedReportError as error:
        raise EnrolmentError(f"{url} did not answer with an enrolment: {error}.") from error
    except UnprovenAnswerError as error:
        raise EnrolmentError(
            f"{error}. Somebody on the way to {ticket.url} may be playing the server: check the "
            "address and the network, and make a new code."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise EnrolmentError(f"Cannot reach {url}: {why}. Is the server running?") from error


class _Problem(msgspec.Struct):
    """The part of a problem document (RFC 9457) that a person reads."""

    title: str = ""
    detail: str = ""


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        problem = msgspec.json.decode(error.read(_LARGEST_ANSWER), type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        problem = _Problem()
    why = (problem.detail or problem.title or error.reason).rstrip(".")
    return f"The server refused the enrolment ({error.code}): {why}. A code works once and not for long."
