"""The visitor's phone of the demo: opens the mailed link, keeps a key, shows its pass, and scans what hangs on walls.

It speaks to the same pages and endpoints as a phone's browser, and signs with a key of its own.
"""

import base64
import html
import re
import ssl
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import credential
from access_protocol.ids import CredentialId
from demo.caller import PATIENCE
from demo.timeline import StepFailedError

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_OUTCOME = re.compile(r'data-outcome="([a-z]+)"')
_PAUSE = 0.2
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class VisitorPhone:
    """One phone, whose cookies, key and credential are its own."""

    def __init__(self, link: str, trust: ssl.SSLContext) -> None:
        """Take the link that came by mail; the server must be whom `trust` believes."""
        url = httpx.URL(link)
        self._path = url.path
        self._client = httpx.Client(
            base_url=url.copy_with(path="/"),
            timeout=PATIENCE,
            verify=trust,
            follow_redirects=True,
            headers={"Accept-Language": "en", "User-Agent": "Demo phone"},
        )
        self._holder = ec.generate_private_key(ec.SECP256R1())
        self._credential = b""
        self._id = CredentialId(b"")
        self._csrf = ""
        self._signed_until = 0

    def open_invitation(self) -> str:
        """Look at the page behind the link and press its button; return the page that then comes."""
        page = self._text(self._client.get(self._path))
        token = _CSRF.search(page)
        if token is None:
            raise StepFailedError("the visit page has no button")
        self._csrf = html.unescape(token.group(1))
        return self._text(self._client.post(f"{self._path}/open", data={"csrf_token": self._csrf}))

    def keep_key(self) -> int:
        """Have the credential bound to this phone's own key; return the credential's length in bytes."""
        state = self._json(self._client.get(f"{self._path}/pass/state"))
        self._csrf = state["csrf"]
        self._id = CredentialId(_bytes(state["id"]))
        numbers = self._holder.public_key().public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": _base64url(numbers.x.to_bytes(32, "big")),
            "y": _base64url(numbers.y.to_bytes(32, "big")),
        }
        bound = self.post("pass/key", {"jwk": jwk})
        self._credential = _bytes(bound["credential"])
        return len(self._credential)

    def pass_text(self, *, short: bool) -> str:
        """Return what the QR code of the pass holds at this moment."""
        now = datetime.now(UTC)
        made = (
            credential.present_short(self._credential, self._id, self._holder, now)
            if short
            else credential.present(self._credential, self._holder, now)
        )
        return credential.to_text(made)

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON came
        """Send JSON to an endpoint below the link, as the page's script does."""
        answer = self._client.post(
            f"{self._path}/{path}", json=body, headers={"X-CSRF-Token": self._csrf}
        )
        return self._json(answer)

    def asks_for_the_door(self, poster: str, digits: str = "") -> str:
        """Scan a poster and press its button, with the pass signed just now; return what becomes of the door.

        `digits` are those of the screen beside the door. The answer is the page's own word: open, denied,
        refused or silent.
        """
        page = self._text(self._client.get(poster))
        given = {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}
        # A presentation names its second and counts once: nobody scans twice within one.
        time.sleep(max(0.0, self._signed_until - time.time()))
        given |= {"presentation": self.pass_text(short=False), "digits": digits}
        self._signed_until = int(time.time()) + 1
        answer = self._client.post(f"{poster}/open", data=given)
        self._text(answer)
        found = _OUTCOME.search(answer.text)
        while found is not None and found[1] == "waiting":
            time.sleep(_PAUSE)
            found = _OUTCOME.search(self._text(self._client.get(answer.url)))
        if found is None:
            raise StepFailedError("the page says nothing of the door")
        return found[1]

    def reads_screen(self, kiosk: str) -> str:
        """Return the digits that the screen at an entrance shows now."""
        shown = self._json(self._client.get(f"{kiosk}/code"))
        return str(shown["codes"][0]["digits"]).replace(" ", "")

    def page_of_refusal(self) -> str:
        """Return what the visit page says to a phone that may not see it."""
        response = self._client.get(self._path)
        if not response.is_error:
            raise StepFailedError("the visit page refuses nothing")
        return html.unescape(response.text)

    def send_form(self, path: str, fields: dict[str, str]) -> str:
        """Fill in the form on a page below the link and send it; return the page that then comes."""
        page = self._text(self._client.get(f"{self._path}{path}"))
        given = {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}
        return self._text(self._client.post(f"{self._path}{path}", data=given | fields))

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _json(self, response: httpx.Response) -> Any:  # noqa: ANN401 - whatever JSON came
        text = self._text(response)
        return response.json() if text else None

    def _text(self, response: httpx.Response) -> str:
        if response.is_error:
            where = f"{response.request.method} {response.request.url.path}"
            raise StepFailedError(f"{where}: {response.status_code} {response.text[:300]}")
        return response.text


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
