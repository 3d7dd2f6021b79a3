"""A program that signs in to the API and sends its CSRF token back, as a browser's page would."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse


class Client:
    """Keeps the cookie and the token of one session."""

    def __init__(self, app: Flask, password: str) -> None:
        self.app = app
        self.http = app.test_client()
        self.headers: dict[str, str] = {}
        self._password = password

    def sign_in(self, who: str) -> "Client":
        """Sign in as one of the people, by the word before the @."""
        answer = self.http.post(
            "/api/v1/session",
            json={"email": f"{who}@genkan.example", "password": self._password},
        )
        assert answer.status_code == 200, answer.text
        self.headers = {"X-CSRF-Token": self.json(answer)["csrf_token"]}
        return self

    def call(self, method: str, path: str, body: object = None) -> TestResponse:
        """Call the API with the session's token."""
        return self.http.open(f"/api/v1{path}", method=method, json=body, headers=self.headers)

    @staticmethod
    def json(answer: TestResponse) -> Any:
        """The answer's body."""
        found: Any = answer.get_json(force=True)
        return found
