"""What each role allows, and which passwords are good enough."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from server.kernel.principal import Right
from server.kernel.text import EmailAddress, Line

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200


class Role(StrEnum):
    """What a person does here; a person may have several roles."""

    ADMINISTRATOR = "administrator"
    SECURITY = "security"
    RECEPTION = "reception"
    HOST = "host"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMINISTRATOR: frozenset(Right) - {Right.REPORT},
    Role.SECURITY: frozenset(
        {
            Right.VISITS_READ,
            Right.VISITS_MANAGE,
            Right.VISITS_APPROVE,
            Right.CREDENTIALS_MANAGE,
            Right.ACCESS_READ,
            Right.DOORS_COMMAND,
            Right.DOORS_LOCKDOWN,
            Right.MEETINGS_READ,
            Right.REFRESHMENTS_MANAGE,
            Right.CONVERSATIONS_ANSWER,
            Right.PEOPLE_READ,
            Right.PLACES_READ,
            Right.DEVICES_READ,
        }
    ),
    Role.RECEPTION: frozenset(
        {
            Right.VISITS_INVITE,
            Right.VISITS_READ,
            Right.ACCESS_READ,
            Right.MEETINGS_READ,
            Right.CONVERSATIONS_ANSWER,
            Right.PEOPLE_READ,
            Right.PLACES_READ,
        }
    ),
    Role.HOST: frozenset({Right.VISITS_INVITE, Right.PLACES_READ}),
}


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Return everything that the roles allow together."""
    return frozenset[Right]().union(*(RIGHTS[role] for role in roles))


def same_email(text: str) -> str:
    """Return an address in the one form under which it is stored and looked up."""
    return text.strip().lower()


def check_password(password: str, email: str = "") -> str | None:
    """Return why a password is not good enough, or None."""
    if len(password) < SHORTEST_PASSWORD:
        return f"must have at least {SHORTEST_PASSWORD} characters; a few words in a row are fine"
    if len(password) > LONGEST_PASSWORD:
        return f"must have at most {LONGEST_PASSWORD} characters"
    if len(set(password)) < SHORTEST_PASSWORD // 3:
        return "repeats too few characters"
    name = same_email(email).partition("@")[0]
    if name and password.strip().lower() in (same_email(email), name * 2, name * 3):
        return "must not be the e-mail address"
    return None


Email = Annotated[EmailAddress, AfterValidator(same_email)]
PersonName = Annotated[Line, Field(min_length=1, max_length=100)]
