"""A visitor's phone: opens the page behind a link, presses its buttons, keeps its cookies."""

import re

from flask import Flask
from werkzeug.test import TestResponse

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class VisitorPhone:
    """One phone; `path` is the path of a visitor's link, /v/<token>."""

    def __init__(self, app: Flask, path: str, language: str = "en") -> None:
        self.http = app.test_client()
        self.path = path
        self.language = language
        self.csrf = ""

    def get(self, below: str = "", **headers: str) -> TestResponse:
        """Look at the page, or at one below it such as "/pass"."""
        sent = {"Accept-Language": self.language} | headers
        found = self.http.get(self.path + below, headers=sent)
        if found.mimetype == "text/html" and (token := _TOKEN.search(found.text)):
            self.csrf = token[1]
        return found

    def page(self, below: str = "") -> str:
        """The text of a page."""
        return self.get(below).get_data(as_text=True)

    def post(self, below: str, **fields: str) -> TestResponse:
        """Send a form, its token with it; the page was looked at before, as people do."""
        if not self.csrf:
            self.get()
        found = self.http.post(
            self.path + below,
            data=fields | {"csrf_token": self.csrf},
            headers={"Accept-Language": self.language},
        )
        if token := _TOKEN.search(found.text):
            self.csrf = token[1]
        return found

    def send(self, below: str, body: object = None) -> TestResponse:
        """Send JSON as the page's script does."""
        if not self.csrf:
            self.get()
        return self.http.post(
            self.path + below,
            json=body,
            headers={"X-CSRF-Token": self.csrf, "Accept": "application/json"},
        )

    def open(self) -> "VisitorPhone":
        """Press the button that opens the invitation on this phone."""
        answer = self.post("/open")
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self
