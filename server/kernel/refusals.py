"""What pydantic refused, in words for whoever sent it: short, and saying what would do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

from server.kernel.errors import FieldError, Invalid

_NOTHING: Mapping[str, object] = MappingProxyType({})
_A_MOMENT = "must be a moment with its zone, for example 2026-04-01T14:00:00+09:00"
_PLAIN = {
    "missing": "is needed",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "must be JSON",
    "timezone_aware": _A_MOMENT,
    "datetime_type": _A_MOMENT,
    "datetime_parsing": _A_MOMENT,
    "datetime_from_date_parsing": _A_MOMENT,
    "datetime_object_invalid": _A_MOMENT,
    "string_pattern_mismatch": "does not have the right form",
    "union_tag_invalid": "does not have the right form",
    "union_tag_not_found": "does not have the right form",
    "string_unicode": "must be text without half characters",
}

_LEAST_LETTERS = "must have at least %(least)s characters"
_LEAST_ENTRIES = "must have at least %(least)s entries"
_MOST_LETTERS = "must have at most %(most)s characters"
_MOST_ENTRIES = "must have at most %(most)s entries"
_BOUNDS = {
    "enum": ("must be %(bound)s", "expected"),
    "literal_error": ("must be %(bound)s", "expected"),
    "greater_than_equal": ("must be at least %(bound)s", "ge"),
    "less_than_equal": ("must be at most %(bound)s", "le"),
}
"""What is said of a bound, and where pydantic's context has it."""


class Reason(NamedTuple):
    """Why something was refused, its figures apart from its words: a page looks the words up in its language."""

    words: str
    values: Mapping[str, object] = _NOTHING

    def __str__(self) -> str:
        """Return it in English."""
        return self.words % self.values if self.values else self.words


def invalid_from(error: ValidationError) -> Invalid:
    """Turn what pydantic found into the error that names each field."""
    found = error.errors(include_input=False, include_url=False)
    return Invalid(
        [
            FieldError(
                ".".join(str(part) for part in each["loc"]) or "body",
                why(each["type"], each["msg"], each.get("ctx", {})),
            )
            for each in found
        ]
    )


def why(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """Return why a value was refused; what has no words of its own here keeps pydantic's."""
    return str(reason(kind, message, context))


def reason(kind: str, message: str, context: Mapping[str, Any]) -> Reason:
    """Return the same for a page that says it in other languages."""
    if kind in _PLAIN:
        return Reason(_PLAIN[kind])
    # What checks of our own stand around, pydantic measures as a value of unknown kind: it is text.
    is_text = context.get("field_type", "Value") == "Value"
    match kind:
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return Reason("is needed")
        case "string_too_short" | "too_short":
            words = _LEAST_LETTERS if is_text else _LEAST_ENTRIES
            return Reason(words, {"least": context["min_length"]})
        case "string_too_long" | "too_long":
            words = _MOST_LETTERS if is_text else _MOST_ENTRIES
            return Reason(words, {"most": context["max_length"]})
        case _ if kind in _BOUNDS:
            words, bound = _BOUNDS[kind]
            return Reason(words, {"bound": context[bound]})
        case _:
            return Reason(message.removeprefix("Value error, "))
