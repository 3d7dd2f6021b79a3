"""Lists of guests as people paste or upload them: any mix of lines becomes people, each with what is wrong. Pure.

Mail programs give `Name <mail>, Name <mail>`, spreadsheets give tabs or a CSV file, with a header or without, in
UTF-8, Shift_JIS (CP932) or GB18030. Nothing that was pasted is dropped: a line that cannot be read stays as typed.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO

from pydantic import TypeAdapter, ValidationError

from server.kernel.text import EmailAddress, on_one_line
from server.visits.rules import MOST_VISITORS

LONGEST_LIST = 256 * 1024
"""Bytes of a list: a thousand lines of two hundred and fifty characters."""
_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]、，；：（）「」]+@[^\s<>\"',;:()\[\]、，；：（）「」]+")
_ANGLED = re.compile(r"[<＜〈]\s*(?:mailto:)?([^<>＜＞〈〉]*)\s*[>＞〉]")
_SEPARATORS = str.maketrans({"，": ",", "；": ";", "、": ",", "＠": "@"})
_HEADERS = {
    "name": {"name", "full name", "氏名", "名前", "お名前", "姓名", "访客姓名"},
    "email": {
        "email", "e-mail", "mail", "e-mail address", "email address", "address",
        "メール", "メールアドレス", "eメール", "邮箱", "电子邮件", "邮件", "电子邮箱",
    },
    "company": {
        "company", "organization", "organisation", "会社", "会社名", "所属", "御社名", "貴社名",
        "公司", "公司名称", "单位",
    },
}  # fmt: skip
_FREQUENT = {"gb2312": (0xB0, 0xD7), "shift_jis": (0x88, 0x97)}
"""First bytes of the signs of the first level in both standards."""
_address = TypeAdapter[str](EmailAddress)


@dataclass(frozen=True)
class Guest:
    """One person of a list as they were read, and what is wrong: (field, why)."""

    line: int
    name: str
    email: str
    company: str
    problems: Sequence[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class Unreadable(ValueError):
    """A file that is no text in any of the encodings known."""


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8 with or without a mark, UTF-16 with one, Shift_JIS (CP932) or GB18030.

    The two old encodings share most byte pairs: of both readings the one is taken that looks more like its
    language. Raises `Unreadable`.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _tried(content, "utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    readings: list[tuple[float, str]] = []
    for encoding in ("cp932", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            continue
        readings.append((_strangeness(text), text))
    if not readings:
        raise Unreadable("is no text in UTF-8, Shift_JIS or GB18030")
    return min(readings, key=lambda each: each[0])[1]


def read(text: str, known: Sequence[str] = ()) -> list[Guest]:
    """Return the people of a list in its order; `known` are addresses that are invited already."""
    rows = _rows(text)
    order = _header(rows[0][1]) if rows else None
    people: list[Guest] = []
    for line, cells in rows[1:] if order else rows:
        people += _people(line, cells, order)
    return _checked(people, known)


def _tried(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable("is no text that can be read") from error


def _strangeness(text: str) -> float:
    """Return how unlike Japanese or Chinese a reading is: half-width kana and rare signs come from a wrong one."""
    strange = sum(
        3 if "\uff61" <= each <= "\uff9f" or "\ue000" <= each <= "\uf8ff" else
        2 if each > "\uffff" or "\u3400" <= each <= "\u4dbf" else
        # Whatever a name is made of in the first planes of both encodings: kana, and frequent signs.
        -2 if "\u3041" <= each <= "\u30fe" else 0
        for each in text
    )  # fmt: skip
    rare = sum(1 for each in text if "\u4e00" <= each <= "\u9fff" and not _is_frequent(each))
    wide = sum(1 for each in text if each > "\x7f") or 1
    return (strange + rare) / wide


def _is_frequent(sign: str) -> bool:
    """Tell whether a sign is of the first level of its own standard: those in everyday names."""
    for encoding, (first, last) in _FREQUENT.items():
        try:
            found = sign.encode(encoding)[0]
        except UnicodeEncodeError:
            continue
        if first <= found <= last:
            return True
    return False


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not empty, with the line's number."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first = next((line for line in text.splitlines() if line.strip()), "").translate(_SEPARATORS)
    mark = max("\t;,", key=first.count)
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(StringIO(text.translate(_SEPARATORS)), delimiter=mark, strict=False)
    try:
        rows.extend(
            (reader.line_num, [on_one_line(cell) for cell in cells])
            for cells in reader
            if any(cell.strip() for cell in cells)
        )
    except csv.Error:
        # A cell beyond csv's limit, for example: each line by itself then.
        lines = enumerate(text.translate(_SEPARATORS).splitlines(), 1)
        return [(number, line.split(mark)) for number, line in lines if line.strip()]
    return rows


def _header(cells: Sequence[str]) -> dict[str, int] | None:
    """Return which column holds what, where a row is a header."""
    found: dict[str, int] = {}
    for number, cell in enumerate(cells):
        for name, words in _HEADERS.items():
            if cell.strip().lower() in words:
                found.setdefault(name, number)
    return found if "email" in found else None


def _people(line: int, cells: Sequence[str], order: dict[str, int] | None) -> list[Guest]:
    if order is not None:
        values = {
            name: cells[number].strip() if number < len(cells) else ""
            for name, number in order.items()
        }
        return [Guest(line, values.get("name", ""), values["email"], values.get("company", ""))]
    parts = [part.strip() for cell in cells for part in re.split(r"[\t;,]", cell) if part.strip()]
    if sum("@" in part for part in parts) > 1:
        # A line of recipients, as mail programs give it.
        return [_person(line, [part]) for part in _with_names(parts)]
    return [_person(line, parts)]


def _with_names(parts: Sequence[str]) -> list[str]:
    """Return one text for each address; a name that a comma had cut off comes back to its own."""
    texts: list[str] = []
    waiting = ""
    for part in parts:
        whole = f"{waiting} {part}".strip()
        if "@" in part:
            texts.append(whole)
            waiting = ""
        else:
            waiting = whole
    return [*texts, waiting] if waiting else texts


def _person(line: int, parts: Sequence[str]) -> Guest:
    email, rest = "", list[str]()
    for part in parts:
        angled = _ANGLED.search(part)
        found = angled or _ADDRESS.search(part)
        if found and not email:
            email = (found[1] if angled else found[0]).strip().removeprefix("mailto:")
            part = (part[: found.start()] + " " + part[found.end() :]).strip()  # noqa: PLW2901
        if part:
            rest.append(part.strip("\"' "))
    rest = [each for each in rest if each]
    broken = next((each for each in rest if "@" in each), "")
    if not email and broken:
        # An address with a slip in it is still meant as one.
        email = broken
        rest.remove(broken)
    return Guest(line, rest[0] if rest else "", email, ", ".join(rest[1:]))


def _checked(people: Sequence[Guest], known: Sequence[str]) -> list[Guest]:
    seen = {each.lower() for each in known}
    checked: list[Guest] = []
    for number, each in enumerate(people):
        problems: list[tuple[str, str]] = []
        if not each.name:
            problems.append(("name", "is missing"))
        if not each.email:
            problems.append(("email", "is missing"))
        else:
            try:
                _address.validate_python(each.email)
            except ValidationError:
                problems.append(("email", "is not an e-mail address"))
            if each.email.lower() in seen:
                problems.append(("email", "is on the list twice"))
            seen.add(each.email.lower())
        if number + len(known) >= MOST_VISITORS:
            problems.append(("visitors", f"must be at most {MOST_VISITORS}"))
        checked.append(Guest(each.line, each.name, each.email, each.company, problems))
    return checked
