"""Who this controller is: made and enrolled at the first start, then read from its state folder."""

import http.client
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from access_protocol import codec
from access_protocol.enrolment import Enrolment, EnrolmentRequest
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.transport.mqtt import BrokerAddress
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
    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A controller's own key, and what the server told it at its enrolment."""

    key: SigningKey
    enrolment: Enrolment

    @property
    def identity(self) -> Identity:
        """Who it is, and whose documents it trusts."""
        told = self.enrolment
        return Identity(SiteCode(told.site), DeviceId(told.device), authority_ring(told.authority))

    @property
    def broker(self) -> BrokerAddress:
        """Where its broker is, and as whom it signs in there."""
        told = self.enrolment
        return BrokerAddress(told.broker_host, told.broker_port, told.device, told.broker_password)


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
    return Enrolled(SigningKey(stored.seed), stored.enrolment)


def enrol(folder: Path, device: DeviceId, server_url: str, code: str) -> Enrolled:
    """Make a key, exchange the one-time code for an identity, and store both (mode 0600).

    `server_url` is where the server listens, e.g. ``http://127.0.0.1:8080``. Raises `EnrolmentError`.
    """
    key = SigningKey(os.urandom(_SEED_BYTES))
    enrolment = _exchanged(server_url, EnrolmentRequest(code=code, public_key=key.public))
    if enrolment.kind != "controller" or enrolment.device != device:
        raise EnrolmentError(
            f"the code is for the {enrolment.kind} {enrolment.device}, not for the controller "
            f"{device}. The code is spent: make a new one for {device}."
        )
    stored = _Stored(seed=key.seed, enrolment=enrolment)
    write_private(folder / IDENTITY_FILE, msgspec.json.encode(stored))
    return Enrolled(key, enrolment)


def _exchanged(server_url: str, request: EnrolmentRequest) -> Enrolment:
    url = server_url.rstrip("/") + ENROLMENTS
    if urlsplit(url).scheme not in {"http", "https"}:
        raise EnrolmentError(
            f"--enrol-url must begin with http:// or https://, not {server_url!r}."
        )
    post = urllib.request.Request(  # noqa: S310 - the scheme was looked at above
        url,
        _written(request),
        {"Content-Type": "application/json", "Accept": "application/json"},
    )
    # The server is in the same house: a proxy for the world outside has no part in this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(post, timeout=ANSWERS_WITHIN) as answer:
            return codec.decode(Enrolment, answer.read(_LARGEST_ANSWER + 1))
    except urllib.error.HTTPError as error:
        with error:
            raise EnrolmentError(_refusal(error)) from error
    except codec.MalformedReportError as error:
        raise EnrolmentError(f"{url} did not answer with an enrolment: {error}.") from error
    except (OSError, http.client.HTTPException) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise EnrolmentError(f"Cannot reach {url}: {why}. Is the server running?") from error


def _written(request: EnrolmentRequest) -> bytes:
    body = codec.encode(request)
    try:
        codec.decode(EnrolmentRequest, body)
    except codec.MalformedReportError as error:
        raise EnrolmentError(
            "An enrolment code has four groups of four letters or digits, as ABCD-EFGH-2345-IJKL."
        ) from error
    return body


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
