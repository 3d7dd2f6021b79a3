"""What a person typed into a form, and what is wrong with it, so that the page can show both again."""

from collections.abc import Iterable, Mapping

from flask import request
from pydantic import ValidationError

from server.kernel.errors import FieldError, GenkanError
from server.web.languages import gettext


class Form:
    """Typed values by field name, and the errors beside them; field names are those of the action's input."""

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
        return " ".join(gettext(each.why) for each in self.errors if each.field == name)

    def refuse(self, field: str, why: str) -> None:
        """Note one thing that is wrong; an empty field name means the form as a whole."""
        self.errors.append(FieldError(field, why))

    def take(self, error: GenkanError, known: Iterable[str] = ()) -> None:
        """Note what an action refused; what belongs to none of the `known` fields stands at the head."""
        names = set(known) or set(self.values)
        if not error.errors:
            self._general.append(gettext(error.detail))
        for each in error.errors:
            if each.field in names:
                self.errors.append(each)
            else:
                self._general.append(f"{each.field}: {gettext(each.why)}")

    def take_validation(
        self, error: ValidationError, rename: Mapping[str, str] | None = None
    ) -> None:
        """Note what a pydantic model refused, its locations joined with dots."""
        for each in error.errors():
            field = ".".join(str(part) for part in each["loc"])
            self.errors.append(FieldError((rename or {}).get(field, field), each["msg"]))

    @property
    def has_errors(self) -> bool:
        """Whether anything was refused."""
        return bool(self.errors or self._general)

    @property
    def general_errors(self) -> list[str]:
        """What belongs to no single field."""
        return [*self._general, *(gettext(each.why) for each in self.errors if not each.field)]
