"""What can be wrong with a request: each error knows its HTTP status and says what the caller can do.

The API answers them as RFC 9457 problem documents, the pages as text beside the field.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, NamedTuple


class FieldError(NamedTuple):
    """One field and why it was refused."""

    field: str
    why: str


class GenkanError(Exception):
    """Something a caller did that cannot be done, in words for the caller."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, errors: Sequence[FieldError] = ()) -> None:
        """Say in one sentence what is wrong, and for bad input which fields."""
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)


class Invalid(GenkanError):
    """The input breaks a rule; `errors` names each field and why."""

    status = 422
    title = "Please check what was entered"

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        """Take (field, why) pairs; at least one."""
        fields = [FieldError(field, why) for field, why in errors]
        super().__init__("; ".join(f"{each.field}: {each.why}" for each in fields), fields)


class SignInNeeded(GenkanError):
    """Nobody is signed in, or the session or token is no longer valid."""

    status = 401
    title = "Please sign in"


class Forbidden(GenkanError):
    """The caller is known but lacks the right."""

    status = 403
    title = "Not allowed"


class NotFound(GenkanError):
    """There is no such thing, or the caller may not know of it."""

    status = 404
    title = "Not found"


class Conflict(GenkanError):
    """The request does not fit the present state, for example a name already taken."""

    status = 409
    title = "Does not fit the present state"


class TooMany(GenkanError):
    """Too many attempts; try again after `retry_after`."""

    status = 429
    title = "Too many attempts"

    def __init__(self, detail: str, retry_after: timedelta) -> None:
        """Say how long the caller has to wait."""
        super().__init__(detail)
        self.retry_after = retry_after
