"""What a person typed into a form, and what is wrong with it, so that the page can show both again."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import request
from pydantic import ValidationError

from server.kernel.errors import FieldError, GenkanError
from server.kernel.pagination import LONGEST_CURSOR
from server.kernel.refusals import Reason
from server.web.languages import gettext


class Form:
    """Typed values by field name, and the errors beside them; fields are named as in the action's input."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        """Start from the values to show first."""
        self.values = dict(values or {})
        self.errors: list[FieldError] = []
        self._general: list[str] = []

    @classmethod
    def sent(cls) -> "Form":
        """Return the form as the browser sent it, surrounding blanks removed."""
        return cls({name: value.strip() for name, value in request.form.items()})

    def value(self, name: str) -> str:
        """Return what stands in the field."""
        return self.values.get(name, "")

    def every(self, name: str) -> list[str]:
        """Return all values of a field that may be sent several times."""
        return [value.strip() for value in request.form.getlist(name)]

    def error(self, name: str) -> str:
        """Return why the field was refused, or nothing."""
        return " ".join(dict.fromkeys(each.why for each in self.errors if each.field == name))

    def refuse(self, field: str, why: str) -> None:
        """Note what is wrong, in the reader's language; an empty field name means the form as a whole."""
        self.errors.append(FieldError(field, why))

    def need(self, *fields: str) -> None:
        """Refuse each of the fields that is empty."""
        for field in fields:
            if not self.value(field):
                self.refuse(field, gettext("Please fill this in."))

    def take(self, error: GenkanError, known: Iterable[str] = ()) -> None:
        """Note what an action refused; what belongs to none of the `known` fields stands at the head."""
        names = set(known) or set(self.values)
        if not error.errors:
            self._general.append(gettext(error.detail))
        for field, why in error.errors:
            if field in names:
                self.refuse(field, sentence(why))
            else:
                self._general.append(sentence(why))

    def take_validation(self, error: ValidationError, known: Iterable[str] = ()) -> None:
        """Note what a pydantic model refused; a location in a list is joined with dots: visitors.0.name.

        `known` are fields of the form which a browser leaves out when nothing is chosen.
        """
        names = {*self.values, *known, ""}
        for each in error.errors(include_url=False):
            field = ".".join(str(part) for part in each["loc"])
            why = _why(each["type"], each["msg"], each.get("ctx", {}))
            if self.error(field):
                continue
            if field in names:
                self.refuse(field, why)
            else:
                self._general.append(why)

    @property
    def has_errors(self) -> bool:
        """Whether anything was refused."""
        return bool(self.errors or self._general)

    @property
    def general_errors(self) -> list[str]:
        """What belongs to no single field."""
        return [*self._general, *(each.why for each in self.errors if not each.field)]


def sent_cursor() -> str | None:
    """Return where the list in the address goes on; one that is too long is cut, and then refused as none of ours."""
    return request.args.get("cursor", "")[:LONGEST_CURSOR] or None


def sentence(why: str | Reason) -> str:
    """Return a reason such as "must be later" for people: in their language, with a capital letter."""
    reason = Reason(why) if isinstance(why, str) else why
    translated = gettext(reason.words, **reason.values)
    return translated[:1].upper() + translated[1:]


def _why(kind: str, message: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "missing" | "string_too_short" | "too_short":
            return gettext("Please fill this in.")
        case "string_too_long" | "too_long":
            return gettext("Please use at most %(most)d characters.", most=context["max_length"])
        case "string_pattern_mismatch" | "enum" | "literal_error":
            return gettext("Please choose one of those offered.")
        case "value_error" if "is not an e-mail address" in message:
            return gettext("This is not an e-mail address, for example name@example.org.")
        case _:
            return sentence(message.removeprefix("Value error, "))
