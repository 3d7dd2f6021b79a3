"""What the pages of all passes share: what the phone keeps of one, and the worker that keeps the page itself."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from flask import Response, url_for
from pydantic import BaseModel, Field

from access_protocol.ids import SiteCode
from server.credentials.models import Issue
from server.kernel.ids import PersonId
from server.web.languages import current
from server.web.routes import STATIC, static_url

MODULES = (
    "pass_clock.js",
    "pass_code.js",
    "pass_key.js",
    "pass_presentation.js",
    "vendor/lean-qr.mjs",
)
"""Modules that other modules import by their plain names."""
VERSIONED = ("genkan.css", "icons.svg", "favicon.svg", "pass.js")
"""What else the page of a pass needs, by its versioned names."""


class Standing(StrEnum):
    """What a pass is good for, beside the hours in which it counts."""

    EXPECTED = "expected"
    PREPARING = "preparing"
    """The visit waits for its confirmation; or no zone is open yet to a person of the house."""
    CANCELLED = "cancelled"
    DECLINED = "declined"
    """The visitor said that they will not come."""
    WITHDRAWN = "withdrawn"
    """Taken back: by the host, or by security."""
    OVER = "over"


class BoundOut(BaseModel):
    """The credential that belongs to a key."""

    id: str
    """The credential's id in Base64url."""
    credential: str
    """The COSE_Sign1 in Base64url."""
    holder: str
    """The public key as compressed point in Base64url."""
    generation: int
    ends_ms: int

    @classmethod
    def of(cls, issued: Issue) -> "BoundOut":
        """Show an issue that is bound to a key."""
        return cls(
            id=base64url(bytes(issued.credential)),
            credential=base64url(issued.message),
            holder=base64url(issued.holder or b""),
            generation=issued.generation,
            ends_ms=milliseconds(issued.expires),
        )


class PassState(BaseModel):
    """All that the phone needs to show the pass from now on; times are Unix time in milliseconds."""

    now_ms: int
    """The server's clock, by which the phone corrects its own."""
    id: str
    csrf: str
    standing: Standing
    begins_ms: int
    ends_ms: int
    bound: BoundOut | None
    renew: bool = False
    """Whether the key that it is bound to should ask for the next one."""
    static: str | None = None
    """The text of the mailed credential, where it still counts: the last resort."""
    facts: dict[str, str]
    """What stands in words beside the code."""
    language: str = Field(default_factory=current)
    """The language of the page now: one that the phone kept may speak another."""


def worker(name: str, pages: str, *, above: str = "", others: Sequence[str] = ()) -> Response:
    """Return the service worker that keeps the pages of passes for when there is no network.

    `pages` is the pattern (JavaScript) of the addresses that it keeps, `above` of those from which it leads to the
    pass without a network. `name` begins the names of its caches: two workers of one phone leave each other's be.
    """
    versioned = (*VERSIONED, *others)
    files = [*map(plain, MODULES), *map(static_url, versioned)]
    body = (STATIC / "pass_worker.js").read_text("utf-8")
    digest = hashlib.sha256(body.encode())
    for each in (*MODULES, *versioned):
        digest.update((STATIC / each).read_bytes())
    version = digest.hexdigest()[:12]
    shell = {"name": name, "version": version, "files": files, "pass": pages, "above": above}
    text = f"const SHELL = {json.dumps(shell)};\n{body}"
    response = Response(text, mimetype="text/javascript")
    # Asked for again at each opening, so that a new version of the pass arrives.
    response.headers["Cache-Control"] = "no-cache"
    return response


def pass_key(person: PersonId, site: SiteCode) -> str:
    """Return the name under which a phone keeps this person's pass: their pages and the poster's share it."""
    return f"staff-{site}-{person}"


def plain(name: str) -> str:
    """Return the address of a static file as other modules name it."""
    return url_for("web.static", filename=name)


def milliseconds(at: datetime) -> int:
    """Return a time as JavaScript counts it."""
    return int(at.timestamp() * 1000)


def base64url(content: bytes) -> str:
    """Return bytes as unpadded Base64url text (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
