"""API tokens: made by people for programs that act for them, shown once, taken back."""

from datetime import timedelta

from pydantic import BaseModel, Field

from server.kernel.errors import Forbidden, Invalid, NotFound, SignInNeeded
from server.kernel.ids import PersonId, TokenId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Kind, Principal, Right
from server.kernel.work import Work
from server.people import models, rules
from server.people.events import TokenCreated, TokenRevoked
from server.people.models import ApiToken, Person
from server.people.rules import PersonName

TOKEN_PREFIX = "gkt_"  # noqa: S105  the beginning by which a leaked token is recognised


class NewToken(BaseModel):
    """What it takes to make an API token."""

    name: PersonName = Field(description="What the token is for.")
    scopes: list[Right] = Field(
        min_length=1, max_length=len(Right), description="Rights of the token, among your own."
    )
    days: int | None = Field(
        default=90, ge=1, le=3650, description="Days until it expires; null: it does not expire."
    )


def identify_token(work: Work, secret: str) -> tuple[Principal, ApiToken, Person]:
    """Return who an API token stands for, or raise `SignInNeeded`."""
    found = models.token_with(work.session, secret)
    if found is None:
        raise SignInNeeded("This API token is not known here.")
    token, person = found
    if token.revoked_at is not None or not person.active:
        raise SignInNeeded("This API token was revoked.")
    if token.expires_at is not None and token.expires_at <= work.now:
        raise SignInNeeded("This API token has expired. Make a new one.")
    held = rules.rights_of(models.roles_of(work.session, person.id))
    rights = held & {right for right in Right if right in token.scopes}
    return Principal.for_token(token.id, person.id, rights), token, person


def create_token(work: Work, new: NewToken) -> tuple[ApiToken, str]:
    """Make an API token for oneself; the secret is returned once and only its hash kept.

    A token makes no tokens: one that leaked could give itself successors that outlive it.
    """
    owner = _acting_person(work)
    if work.principal.kind is not Kind.PERSON:
        raise Forbidden("Tokens are made by people: sign in first.")
    beyond = sorted(set(new.scopes) - work.principal.rights)
    if beyond:
        raise Invalid([("scopes", f"you do not have these rights yourself: {', '.join(beyond)}")])
    secret = TOKEN_PREFIX + work.ids.secret()
    token = ApiToken(
        id=TokenId(work.ids.new()),
        person=owner,
        name=new.name,
        secret_hash=models.hash_of(secret),
        scopes=sorted(set(new.scopes)),
        created_at=work.now,
        expires_at=None if new.days is None else work.now + timedelta(days=new.days),
    )
    work.session.add(token)
    work.record(TokenCreated(token=token.id, scopes=tuple(sorted(set(new.scopes)))))
    return token, secret


def list_tokens(work: Work, query: PageQuery) -> Page[ApiToken]:
    """Return one's own tokens, newest first."""
    return models.tokens_of(work.session, _acting_person(work), query)


def revoke_token(work: Work, token_id: TokenId) -> None:
    """Take back a token: one's own, or anyone's with the right to manage people."""
    token = work.session.get(ApiToken, token_id)
    if token is None or (
        token.person != work.principal.person and not work.principal.may(Right.PEOPLE_MANAGE)
    ):
        raise NotFound("There is no such token.")
    if token.revoked_at is None:
        token.revoked_at = work.now
        work.record(TokenRevoked(token=token_id))


def _acting_person(work: Work) -> PersonId:
    if work.principal.person is None:
        raise Forbidden("Tokens belong to people: sign in first.")
    return work.principal.person
