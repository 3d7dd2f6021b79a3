"""Lists in pages: a cursor says where the last page ended, so that new rows never shift what comes next."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, TypeDecorator, literal, tuple_
from sqlalchemy.orm import Mapped
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from server.kernel.errors import Invalid
from server.kernel.text import breaks_line

T = TypeVar("T")
V = TypeVar("V")

MOST = 200
"""Rows on a page at most."""
LONGEST_CURSOR = 400
_LARGEST = (1 << 63) - 1


class PageQuery(BaseModel):
    """The query parameters of every list in the API; a list with filters subclasses it."""

    limit: int = Field(default=50, ge=1, le=MOST, description="How many items to return at most.")
    cursor: str | None = Field(
        default=None,
        max_length=LONGEST_CURSOR,
        description="`next_cursor` of the page before; leave out for the first.",
    )


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, and the cursor of those that follow (None: these were the last)."""

    items: Sequence[T]
    next_cursor: str | None

    def map(self, convert: Callable[[T], V]) -> "Page[V]":
        """Return the page with each item converted."""
        return Page([convert(item) for item in self.items], self.next_cursor)


def paginate(
    session: Session,
    statement: SelectOfScalar[T],
    order: Sequence[Mapped[Any]],
    query: PageQuery,
    *,
    newest_first: bool = False,
) -> Page[T]:
    """Return the page that `query` asks for.

    `order` are columns of the selected table, the last of them unique, for example
    `[col(Visit.starts_at), col(Visit.id)]`. Raises `Invalid` for a cursor that is not one of ours.
    """
    columns = cast("Sequence[ColumnElement[Any]]", order)
    if query.cursor is not None:
        values = _read_cursor(query.cursor, len(order))
        if not all(_fits(v, c) for v, c in zip(values, columns, strict=True)):
            raise _bad_cursor()
        try:
            mark = tuple_(*(literal(v, c.type) for v, c in zip(values, columns, strict=True)))
        except (TypeError, ValueError) as error:
            raise _bad_cursor() from error
        place = tuple_(*columns)
        statement = statement.where(place < mark if newest_first else place > mark)
    statement = statement.order_by(*(c.desc() if newest_first else c.asc() for c in columns))
    rows = session.exec(statement.limit(query.limit + 1)).all()
    if len(rows) <= query.limit:
        return Page(rows, None)
    items = rows[: query.limit]
    return Page(items, _write_cursor([getattr(items[-1], str(c.key)) for c in columns]))


def _write_cursor(values: Sequence[object]) -> str:
    plain = [{"t": v.isoformat()} if isinstance(v, datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).rstrip(b"=").decode()


def _read_cursor(text: str, length: int) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        values = [_read_value(each) for each in plain]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _bad_cursor() from error
    if len(values) != length:
        raise _bad_cursor()
    return values


def _read_value(value: object) -> object:
    match value:
        case {"t": str(text)}:
            return datetime.fromisoformat(text).astimezone(UTC)
        case str() | int():
            return value
        case _:
            raise ValueError("not a value of a cursor")


def _fits(value: object, column: ColumnElement[Any]) -> bool:
    """Tell whether the database can compare the value with the column: it came from outside."""
    kind = column.type
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if not isinstance(value, plain.python_type):
        return False
    if isinstance(value, str):
        return not any(breaks_line(character) for character in value)
    return not isinstance(value, int) or abs(value) <= _LARGEST


def _bad_cursor() -> Invalid:
    return Invalid(
        [("cursor", "is not a cursor of this list; leave it out to start at the beginning")]
    )
