"""What somebody wrote in a mail: its text part alone, without what their program quoted below or above it."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

from server.kernel.text import breaks_line, on_one_line

_MOST_PARTS = 60
_LONGEST_ATTRIBUTION = 400
"""Characters of the line that says who wrote what is quoted; a longer one is somebody's own words."""
_ATTRIBUTION = re.compile(
    r"(\d.{0,200}|wrote|schrieb|a écrit|写道|書きました|作成).{0,80}[:：]\s*$", re.IGNORECASE
)
_ORIGINAL = re.compile(
    r"^\s*(-{2,}\s*(original message|forwarded message|元のメッセージ|転送|原始邮件|转发|ursprüngliche nachricht).*"
    r"|_{10,})\s*$",
    re.IGNORECASE,
)
_FROM = re.compile(r"^\W{0,3}(from|von|de|差出人|送信者|发件人)\W{0,3}\s*[:：]", re.IGNORECASE)
_SENT = re.compile(
    r"^\W{0,3}(sent|date|to|subject|gesendet|datum|an|送信日時|日時|宛先|件名|发送时间|日期|收件人|主题)\W{0,3}\s*[:：]",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"(^|[\s<])(mailer-daemon|postmaster)@", re.IGNORECASE)
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "blockquote", "table"})
_NOT_READ = frozenset({"script", "style", "head", "title"})


@dataclass(frozen=True)
class Enclosed:
    """A file that came with a mail, as its sender named it."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Letter:
    """A mail as far as a conversation is concerned."""

    id: str
    text: str
    files: tuple[Enclosed, ...]
    is_automatic: bool
    """Sent by a program: an out-of-office note, a bounce, a list. Whoever answers those answers for ever."""


def read(raw: bytes) -> Letter:
    """Return what a message (RFC 5322) says; whatever is wrong with it, what can be read is read."""
    message = message_from_bytes(raw, policy=policy.default)
    return Letter(
        id=on_one_line(_header(message, "Message-ID"))[:150],
        text=cut(_shown(_text(message))),
        files=tuple(_files(message)),
        is_automatic=_is_automatic(message),
    )


def cut(text: str) -> str:
    """Return a mail's text without what it quotes: up to the first mark of a quotation, or without quoted lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept: list[str] = []
    for place, line in enumerate(lines):
        if line.rstrip() == "--" or _ORIGINAL.match(line) or _begins_header(lines, place):
            break
        if line.lstrip().startswith((">", "＞")):
            _drop_attribution(kept)
            continue
        kept.append(line.rstrip())
    return "\n".join(kept).strip()


def _begins_header(lines: list[str], place: int) -> bool:
    """Tell whether a block of the quoted mail's headers begins here, as Outlook writes it."""
    below = [each for each in lines[place + 1 : place + 5] if each.strip()]
    return bool(_FROM.match(lines[place])) and bool(below) and bool(_SENT.match(below[0]))


def _drop_attribution(kept: list[str]) -> None:
    """Take away the lines that say who wrote what is quoted: one or two, just before it."""
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and len(kept[-1]) <= _LONGEST_ATTRIBUTION and _ATTRIBUTION.search(kept[-1]):
        last = kept.pop()
        if (
            kept
            and kept[-1].lower().startswith(("on ", "am ", "le "))
            and not last.lower().startswith(("on ", "am ", "le "))
        ):
            kept.pop()


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if not isinstance(body, EmailMessage):
        return ""
    text = _decoded(body)
    return _plain(text) if body.get_content_type() == "text/html" else text


def _decoded(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        # What its header names is no encoding, or none that forgives: "idna", "undefined", half of a name.
        return content.decode("utf-8", "replace")


def _shown(text: str) -> str:
    """Return text without what controls a screen or turns what follows, which a chat does not take."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in plain if each in "\n\t" or not breaks_line(each))


def _files(message: EmailMessage) -> list[Enclosed]:
    found: list[Enclosed] = []
    for place, part in enumerate(message.walk()):
        if place >= _MOST_PARTS:
            break
        wanted = (
            part.get_content_disposition() == "attachment" or part.get_content_maintype() == "image"
        )
        content = part.get_payload(decode=True) if wanted and not part.is_multipart() else None
        if isinstance(content, bytes) and content:
            ending = part.get_content_subtype()
            found.append(Enclosed(part.get_filename() or f"file.{ending}", content))
    return found


def _is_automatic(message: EmailMessage) -> bool:
    """Tell whether nobody wrote it (RFC 3834, 5): programs say so, and lists and bounces are known by theirs."""
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in {"", "no"}
        or _header(message, "Precedence").strip().lower() in {"bulk", "junk", "list", "auto_reply"}
        or any(message[name] is not None for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
        or message.get_content_type() in {"multipart/report", "message/delivery-status"}
        or _DAEMON.search(_header(message, "From")) is not None
    )


def _header(message: EmailMessage, name: str) -> str:
    """Return a header as it was written: the library's own reading of one fails at many a wrong address."""
    wanted = name.lower()
    found = (str(value) for key, value in message.raw_items() if key.lower() == wanted)
    return re.sub(r"[\udc80-\udcff]", "", next(found, ""))


class _Words(HTMLParser):
    """Collects what is read of an HTML mail, and leaves out what it quotes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.words.append("\n")
        quoted = any(name == "class" and "quote" in (value or "") for name, value in attrs)
        if (
            tag in _NOT_READ
            or tag == "blockquote"
            or (tag == "div" and quoted)
            or (self._hidden and tag == self._hidden[0])
        ):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(re.sub(r"\s+", " ", data))


def _plain(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    lines = "".join(words.words).split("\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines))
