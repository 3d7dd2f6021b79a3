"""Strangers and visitors who type hostile text wherever one can type, and a reader who looks at what comes of it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote

from flask import Flask
from sqlmodel import col, select
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from server.arrivals import walk_ins
from server.arrivals.models import Poster, WalkIn
from server.kernel.ids import PersonId
from server.kernel.principal import Principal, Right
from server.kernel.work import Office
from server.people.rules import Role, rights_of
from server.visits import actions as visits
from server.visits.models import Visitor
from tests.vectors.hostile import MARK, PRODUCT

PLAIN = {"name": "Mei Lin", "company": "", "whom": "Nobody", "purpose": "A parcel", "email": ""}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_ELSEWHERE = re.compile(r"(?i)^\s*(?:[a-z][a-z0-9+.-]*:|//|/?\\)")
_ALLOWED = re.compile(
    r"^(?:https://www\.openstreetmap\.org/|mailto:|tel:|data:image/|owntracks:///|http://localhost)"
)
_LEADS = frozenset({"href", "src", "action", "formaction", "data", "srcdoc", "poster", "srcset"})
_NEVER = frozenset({"base", "object", "embed", "applet", "math", MARK})


@dataclass(frozen=True)
class Answer:
    """What came back for one text at one place."""

    place: str
    text: str
    status: int
    body: str
    headers: Headers


@dataclass
class HostileVisitors:
    """Everybody who types; `answers` holds what the pages said at once, `taken` which texts were kept where."""

    app: Flask
    office: Office
    poster: Poster
    host: PersonId
    typed: list[str] = field(default_factory=list[str])
    answers: list[Answer] = field(default_factory=list[Answer])
    taken: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    pages: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """What the visitors' own pages then said: path and HTML."""

    def type_everywhere(self, texts: Sequence[str]) -> None:
        """Let one stranger for each text register with it, be let in, and go on typing it as a visitor."""
        self.typed.extend(texts)
        for number, text in enumerate(texts):
            stranger = _Browser(self, text)
            mailed = {"email": f"stranger{number}@visitor.example"}
            stranger.look_around(self.poster.code)
            path = f"/e/{self.poster.code}"
            stranger.read(f"{path}/walk-in")
            everything = dict.fromkeys(("name", "company", "whom", "purpose"), text)
            known = stranger.send(f"{path}/walk-in", "walk-in", everything | mailed)
            if not known:
                stranger.send(f"{path}/walk-in", "", PLAIN)
            self.pages.append(("waiting", stranger.read(f"{path}/waiting")))
            visitor = self._let_in()
            stranger.send(f"{path}/go-on", "", {})
            self._as_visitor(stranger, visitor, number)
            stranger.read(path)
            stranger.send(
                f"{path}/open", "open", {"digits": text, "presentation": text, "latitude": text}
            )
            stranger.send(f"{path}/ask", "ask", {"note": text})
            self.pages.append((path, stranger.read(path)))

    def leave_waiting(self, texts: Sequence[str]) -> list[str]:
        """Let strangers register and wait; return the texts that were taken. Few fit into the hall at once."""
        taken: list[str] = []
        for text in texts:
            stranger = _Browser(self, text)
            path = f"/e/{self.poster.code}/walk-in"
            stranger.read(path)
            everything = dict.fromkeys(("name", "company", "whom", "purpose"), text)
            if stranger.send(path, "walk-in", everything | {"email": ""}):
                taken.append(as_sent(text))
        return taken

    def refuse_all(self) -> None:
        """Send those who wait away."""
        with self.office.begin(self.guard) as work:
            for each in walk_ins.list_waiting(work):
                walk_ins.refuse(work, each.id, walk_ins.WalkInRefusal())

    @property
    def guard(self) -> Principal:
        """Somebody at the desk."""
        return Principal.for_person(self.host, rights_of([Role.SECURITY]) | {Right.VISITS_INVITE})

    def _let_in(self) -> Visitor:
        with self.office.begin(self.guard) as work:
            newest = select(WalkIn).order_by(col(WalkIn.id).desc())
            found = work.session.exec(newest).first()
            assert found is not None
            wish = walk_ins.WalkInApproval(host=self.host)
            visit = walk_ins.approve(work, found.id, wish)
            return work.session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()

    def _as_visitor(self, phone: "_Browser", visitor: Visitor, number: int) -> None:
        with self.office.reading(self.guard) as work:
            known = work.session.get_one(Visitor, visitor.id)
            path = "/v/" + visits.link_of(work, known).rpartition("/")[2]
        phone.read(path)
        text = phone.text
        phone.send(f"{path}/wish", "wish", {"message": text})
        phone.send(f"{path}/wish", "time", {"starts_at": text, "ends_at": text})
        phone.send(f"{path}/needs", "needs", {"needs": text, "step_free": text})
        guest = {"name": text, "company": text, "email": f"guest{number}@visitor.example"}
        phone.send(f"{path}/companions", "companions", guest)
        phone.send(f"{path}/companions", "mail", {"name": "x", "email": text})
        phone.send(f"{path}/crossing", "crossing", {"kind": text, "minutes": text})
        phone.send(f"{path}/take-over", "take-over", {"code": text})
        phone.send(f"{path}/owntracks", "owntracks", {"way": text})
        phone.send("/language", "language", {"language": text, "return_to": text})
        phone.json(f"{path}/crossing", {"kind": text, "expected_min": text})
        phone.json(f"{path}/pass/key", {"jwk": {"kty": text, "x": text}})
        self.pages.append(("visit", phone.read(path)))
        self.pages.append(("needs", phone.read(f"{path}/needs")))


class _Browser:
    """One phone whose browser calls itself by a hostile text, as far as that fits into a header."""

    def __init__(self, visitors: HostileVisitors, text: str) -> None:
        self._visitors = visitors
        self.http = visitors.app.test_client()
        self.text = text
        self._csrf = ""
        line = text.encode("latin-1", "replace").decode("latin-1")
        in_header = re.sub(r"[\r\n\0]", " ", line)[:4000]
        self._headers = {"User-Agent": in_header, "Accept-Language": in_header}

    def look_around(self, code: str) -> None:
        """Put the text into addresses: a poster's code, its digits, a link, a screen, a name for OwnTracks."""
        raw = self.text.encode("utf-8", "surrogatepass")[:500]
        for below in (f"/e/{code}/door", "/e", "/v", "/kiosk"):
            path = f"{below}/{quote(raw, safe='/')}"
            self._noted(path, "address", self.http.get(path, headers=self._headers))
        query = "&".join(f"{name}={quote(raw)}" for name in ("c", "code", "visitor", "next"))
        for path in (f"/e/{code}", "/e/", "/panel/sign-in"):
            found = self.http.get(path, query_string=query, headers=self._headers)
            self._noted(path, "query", found)
        body = self.text.encode("utf-8", "surrogatepass")
        self._noted("/owntracks", "body", self.http.post("/owntracks/guest-1", data=body))

    def read(self, path: str) -> str:
        found = self.http.get(path, headers=self._headers | {"Accept-Language": "en"})
        if token := _TOKEN.search(found.text):
            self._csrf = token[1]
        self._noted(path, "page", found)
        return found.text

    def send(self, path: str, place: str, fields: dict[str, str]) -> bool:
        """Send a form; return whether it was taken."""
        # A browser replaces halves of characters before it sends them.
        data = {name: value.encode("utf-8", "replace") for name, value in fields.items()}
        found = self.http.post(path, data=data | {"csrf_token": self._csrf}, headers=self._headers)
        taken = found.status_code == 303
        if place:
            self._noted(path, place, found)
            if taken:
                self._visitors.taken.setdefault(place, []).append(as_sent(self.text))
        return taken

    def json(self, path: str, body: object) -> None:
        """Send JSON, halves of characters and all."""
        headers = {"X-CSRF-Token": self._csrf, "Accept": "application/json"}
        self._noted(path, "json", self.http.post(path, json=body, headers=headers))

    def _noted(self, path: str, place: str, found: TestResponse) -> None:
        html = found.mimetype == "text/html"
        answer = Answer(
            f"{place} {path}",
            self.text,
            found.status_code,
            found.text if html else "",
            found.headers,
        )
        self._visitors.answers.append(answer)


class Reader(HTMLParser):
    """Reads HTML as a browser does, and notes what could run or lead elsewhere; `words` is what a person reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.words = ""
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        given = {name: value or "" for name, value in attrs}
        if tag in _NEVER:
            self.wrong.append(f"<{tag}>")
        ours = given.get("src", "").startswith("/static/")
        if tag == "script" and not ours and given.get("type") != "application/json":
            self.wrong.append(f"<script {given}>")
        for name, value in given.items():
            if name.startswith(("on", "hx-on", "data-hx-on")) or name in {"style", "srcdoc"}:
                self.wrong.append(f"<{tag} {name}={value}>")
            if name in _LEADS and _ELSEWHERE.match(value) and not _ALLOWED.match(value):
                self.wrong.append(f"<{tag} {name}={value}>")
            if name in {"value", "data-coming", "placeholder"}:
                self.words += f"\n{value}"
        self._silent = tag if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:
        """Look at the end of an element."""
        del tag
        self._silent = ""

    def handle_data(self, data: str) -> None:
        """Take text."""
        if not self._silent:
            self.words += data


def wrong_in(html: str) -> list[str]:
    """Return what in a page of ours could run, lead elsewhere, or was reckoned."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.wrong + ([PRODUCT] if PRODUCT in reader.words else [])


def words_of(html: str) -> str:
    """Return what a person reads in a page, with single blanks."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return as_read(reader.words)


def as_sent(text: str) -> str:
    """Return text as a browser sends it, halves of characters replaced, and as it is kept, in NFC."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())


def as_read(text: str) -> str:
    """Return text with single blanks, as a browser shows it."""
    return " ".join(text.split())


def shown(texts: Iterable[str], html: str) -> list[str]:
    """Return those of the texts that do not stand in a page as they were typed."""
    words = words_of(html)
    return [each for each in texts if as_read(each) not in words]
