"""Accounts, sign-in and API tokens as JSON."""

from datetime import datetime
from typing import Annotated

from flask import Response, request
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.kernel.blueprint import ApiBlueprint
from server.kernel.errors import SignInNeeded
from server.kernel.ids import PersonId, TokenId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal, Right
from server.kernel.request import (
    answer,
    answer_page,
    begin,
    caller,
    no_content,
    office,
    reading,
)
from server.kernel.work import Work
from server.people import actions, models
from server.people.actions import NewPerson, NewToken, PersonChange
from server.people.models import ApiToken, Person
from server.people.rules import LONGEST_PASSWORD, Role
from server.web import session as cookie
from server.web.limits import SMALL, at_most, limited

blueprint = ApiBlueprint("People", "Accounts, sign-in and API tokens.")

PERSON_ID = Field(min_length=32, max_length=32, pattern="^[0-9a-f]{32}$")


class SignIn(BaseModel):
    """An e-mail address and its password."""

    email: str = Field(min_length=1, max_length=254)
    password: str = Field(min_length=1, max_length=LONGEST_PASSWORD)


class PersonOut(BaseModel):
    """An account."""

    id: str
    email: str
    name: str
    language: Language
    roles: list[Role]
    active: bool
    deputy: str | None = Field(description="Who is told when this person does not react.")
    created_at: datetime

    @classmethod
    def of(cls, work: Work, person: Person) -> "PersonOut":
        """Show an account with its roles."""
        return cls(
            id=person.id,
            email=person.email,
            name=person.name,
            language=person.language,
            roles=sorted(models.roles_of(work.session, person.id)),
            active=person.active,
            deputy=person.deputy,
            created_at=person.created_at,
        )


class DeputyInput(BaseModel):
    """Who stands in."""

    deputy: Annotated[PersonId, PERSON_ID] | None = Field(description="Null: nobody.")


class Me(BaseModel):
    """Who is signed in, and what they may do."""

    person: PersonOut
    rights: list[Right]
    csrf_token: str = Field(
        description="For sessions: send it back as X-CSRF-Token with every change. Empty for tokens."
    )


class TokenOut(BaseModel):
    """An API token, without its secret."""

    id: str
    name: str
    scopes: list[Right]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> "TokenOut":
        """Show a token."""
        return cls.model_validate(token, from_attributes=True)


class TokenWithSecret(TokenOut):
    """An API token just made; the secret is shown this once."""

    secret: str


class PeopleQuery(PageQuery):
    """Which accounts to list."""

    role: Role | None = None
    active: bool | None = None


class PeoplePage(BaseModel):
    """Accounts, in the order of their addresses."""

    items: list[PersonOut]
    next_cursor: str | None


class TokenPage(BaseModel):
    """Tokens, newest first."""

    items: list[TokenOut]
    next_cursor: str | None


class PersonPath(BaseModel):
    """An account's id."""

    person: str = PERSON_ID


class TokenPath(BaseModel):
    """A token's id."""

    token: str = PERSON_ID


@blueprint.post("/session", {200: Me}, open_to_all=True)
@limited("60 per minute")
@at_most(SMALL)
def sign_in(body: SignIn) -> AnyResponse:
    """Begin a session; the answer sets its cookie."""
    opened = actions.sign_in(
        office(),
        body.email,
        body.password,
        address=request.remote_addr or "",
        user_agent=request.user_agent.string,
    )
    with office().reading(caller().principal) as work:
        principal, session, person = _still_open(actions.identify_session(work, opened.secret))
        me = Me(
            person=PersonOut.of(work, person),
            rights=sorted(principal.rights),
            csrf_token=session.csrf_token,
        )
    return cookie.begin(answer(me), opened.secret)


@blueprint.delete("/session", {204: None})
def sign_out() -> AnyResponse:
    """End the present session."""
    session = caller().session
    if session is not None:
        with begin() as work:
            actions.sign_out(work, session)
    return cookie.end(no_content())


@blueprint.get("/me", {200: Me})
def me() -> Response:
    """Return the account and the rights of the caller."""
    person = caller().principal.person
    if person is None:
        raise SignInNeeded("Nobody is signed in.")
    with reading() as work:
        found = PersonOut.of(work, actions.find_person(work, person))
    rights = sorted(caller().principal.rights)
    return answer(Me(person=found, rights=rights, csrf_token=caller().csrf_token))


@blueprint.get("/people", {200: PeoplePage})
def list_people(query: PeopleQuery) -> Response:
    """Return accounts, page by page."""
    with reading() as work:
        page = actions.list_people(work, query, role=query.role, active=query.active)
        return answer_page(page.map(lambda person: PersonOut.of(work, person)))


@blueprint.post("/people", {201: PersonOut})
def create_person(body: NewPerson) -> Response:
    """Create an account."""
    with begin() as work:
        made = PersonOut.of(work, actions.create_person(work, body))
    return answer(made, 201)


@blueprint.get("/people/<person>", {200: PersonOut})
def get_person(path: PersonPath) -> Response:
    """Return one account."""
    with reading() as work:
        return answer(PersonOut.of(work, actions.find_person(work, PersonId(path.person))))


@blueprint.patch("/people/<person>", {200: PersonOut})
def change_person(path: PersonPath, body: PersonChange) -> Response:
    """Change an account; `active: false` closes it, with its sessions and tokens."""
    with begin() as work:
        changed = PersonOut.of(work, actions.change_person(work, PersonId(path.person), body))
    return answer(changed)


@blueprint.post("/people/<person>/password-link", {204: None})
def send_password_link(path: PersonPath) -> Response:
    """Mail somebody a link with which they set their password; one that was sent before ends."""
    with begin() as work:
        actions.send_password_link(work, PersonId(path.person))
    return no_content()


@blueprint.put("/people/<person>/deputy", {200: PersonOut})
def set_deputy(path: PersonPath, body: DeputyInput) -> Response:
    """Name who is told when a person does not react: for oneself, or with the right to manage people."""
    with begin() as work:
        changed = actions.set_deputy(work, PersonId(path.person), body.deputy)
        return answer(PersonOut.of(work, changed))


@blueprint.get("/tokens", {200: TokenPage})
def list_tokens(query: PageQuery) -> Response:
    """Return the caller's API tokens."""
    with reading() as work:
        return answer_page(actions.list_tokens(work, query).map(TokenOut.of))


@blueprint.post("/tokens", {201: TokenWithSecret})
def create_token(body: NewToken) -> Response:
    """Make an API token for the caller; its secret is shown in this answer only."""
    with begin() as work:
        token, secret = actions.create_token(work, body)
        made = TokenWithSecret(**TokenOut.of(token).model_dump(), secret=secret)
    return answer(made, 201)


@blueprint.delete("/tokens/<token>", {204: None})
def revoke_token(path: TokenPath) -> Response:
    """Revoke an API token: one's own, or anyone's for administrators."""
    with begin() as work:
        actions.revoke_token(work, TokenId(path.token))
    return no_content()


def _still_open(
    found: tuple[Principal, models.BrowserSession, Person] | None,
) -> tuple[Principal, models.BrowserSession, Person]:
    if found is None:
        raise SignInNeeded("The session was ended meanwhile. Please sign in again.")
    return found
