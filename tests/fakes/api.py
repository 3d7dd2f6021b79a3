"""The server's API as people with an API token see it, one after the other."""

import base64
from typing import Any, cast

import msgspec
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from access_protocol import enrolment
from access_protocol.certificates import new_key, request_for
from access_protocol.enrolment import EnrolmentRequest, Ticket
from access_protocol.keys import SigningKey
from tests.fakes.application import application
from tests.fakes.reception import Reception

TLS_KEY = new_key()
CSR = request_for(TLS_KEY)
NOBODY = "nobody"
PUBLIC_KEY = base64.b64encode(SigningKey(b"d" * 32).public).decode()
DEVICE = {"id": "gate-9", "site": "TYO", "kind": "gate", "name": "North entrance"}


class Api:
    """The API as one client after the other sees it."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self.http: FlaskClient = application(reception.office).test_client()
        self._tokens: dict[str, str] = {}

    def ask(
        self, who: str, method: str, path: str, body: object = None, address: str = "192.0.2.1"
    ) -> TestResponse:
        """Send one request as host, security, admin or nobody."""
        headers: dict[str, str] = {}
        if who != NOBODY:
            token = self._tokens.get(who) or self.reception.token_of(who)
            self._tokens[who] = token
            headers["Authorization"] = f"Bearer {token}"
        return self.http.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            headers=headers,
            environ_overrides={"REMOTE_ADDR": address},
        )

    def read(self, path: str, who: str = "security") -> dict[str, Any]:
        """What a view shows."""
        answer = self.ask(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return body_of(answer)

    def code(self, device: str) -> str:
        """Register a device and make it a code, over HTTP."""
        new = {**DEVICE, "id": device}
        assert self.ask("admin", "POST", "/devices", new).status_code == 201
        made = self.ask("admin", "POST", f"/devices/{device}/enrolment-code")
        assert made.status_code == 201
        return str(body_of(made)["code"])

    def enrol(self, code: str, address: str = "192.0.2.1") -> TestResponse:
        """What a new device sends."""
        body = msgspec.to_builtins(asked(code))
        return self.ask(NOBODY, "POST", "/devices/enrolments", body, address)


def asked(code: str) -> EnrolmentRequest:
    """What a new device asks with its code."""
    ticket = Ticket("http://localhost:8080", code)
    return enrolment.request(ticket, base64.b64decode(PUBLIC_KEY), CSR)


def body_of(answer: TestResponse) -> dict[str, Any]:
    return cast("dict[str, Any]", answer.get_json(force=True))
