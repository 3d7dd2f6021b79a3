"""What pydantic refused, in words for whoever sent it: short, and saying what would do."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from server.kernel.errors import FieldError, Invalid

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
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "must be JSON",
    "timezone_aware": _A_MOMENT,
    "datetime_type": _A_MOMENT,
    "datetime_parsing": _A_MOMENT,
    "datetime_from_date_parsing": _A_MOMENT,
    "datetime_object_invalid": _A_MOMENT,
    "string_pattern_mismatch": "does not have the right form",
    "string_unicode": "must be text without half characters",
}


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


def why(  # noqa: PLR0911  one sentence a kind
    kind: str, message: str, context: Mapping[str, Any]
) -> str:
    """Return why a value was refused; what has no words of its own here keeps pydantic's."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    # What checks of our own stand around, pydantic measures as a value of unknown kind: it is text.
    things = "entries" if context.get("field_type", "Value") != "Value" else "characters"
    match kind:
        case "string_too_short" | "too_short":
            least = context["min_length"]
            return "is needed" if least == 1 else f"must have at least {least} {things}"
        case "string_too_long" | "too_long":
            return f"must have at most {context['max_length']} {things}"
        case "enum" | "literal_error":
            return f"must be {context['expected']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case _:
            return message.removeprefix("Value error, ")
