"""What can be asked about accounts: create, change, deactivate, sign in and out; and what else people offer."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, Field, SecretStr
from sqlmodel import col, delete, select, update

from access_protocol.wording import Language
from server.kernel import throttle
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import ID_LENGTH, PersonId, SessionId, TokenId
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Kind, Principal, Right, require
from server.kernel.text import on_one_line
from server.kernel.work import Office, Work
from server.people import models, rules, sessions
from server.people.events import (
    DeputyChanged,
    HostLeft,
    PersonChanged,
    PersonCreated,
    PersonDeactivated,
    SignedIn,
    SignedOut,
    SignInFailed,
)
from server.people.groups import (
    GroupChanged,
    GroupInput,
    change_group,
    create_group,
    find_group,
    join_groups,
    list_groups,
    remove_group,
)
from server.people.joining import behind_link, send_password_link, set_password
from server.people.leaving import check_successor, leave_deputies, may_succeed
from server.people.models import ApiToken, BrowserSession, Person, RoleOfPerson
from server.people.passwords import (
    checked_hash,
    hash_password,
    needs_new_hash,
    password_fits,
)
from server.people.rules import RIGHTS, Email, PersonName, Role
from server.people.tokens import (
    TOKEN_PREFIX,
    NewToken,
    create_token,
    identify_token,
    list_tokens,
    revoke_token,
)

__all__ = [
    "RIGHTS",
    "TOKEN_PREFIX",
    "GroupChanged",
    "GroupInput",
    "NewToken",
    "Role",
    "behind_link",
    "change_group",
    "checked_hash",
    "create_group",
    "create_token",
    "find_group",
    "identify_token",
    "join_groups",
    "list_groups",
    "list_tokens",
    "may_succeed",
    "remove_group",
    "revoke_token",
    "send_password_link",
    "set_password",
]
# What other modules of this subject offer; all that stands below is offered as well.

TOUCHED_EVERY = timedelta(minutes=5)
"""How exactly the last use of a session or token is kept; writing it each time would cost a commit."""
FAILURES_PER_ADDRESS = 30
"""A whole office may sign in from one address."""


class NewPerson(BaseModel):
    """What it takes to create an account."""

    email: Email
    name: PersonName
    language: Language = Language.EN
    roles: list[Role] = Field(default=[Role.HOST], min_length=1, max_length=len(Role))
    password: SecretStr | None = Field(
        default=None,
        description="At least 12 characters. Without one, the person cannot sign in yet.",
    )
    invite: bool = Field(
        default=False, description="Mail them a link with which they set their password."
    )


class PersonChange(BaseModel):
    """What to change in an account; what is left out stays."""

    name: PersonName | None = None
    language: Language | None = None
    roles: list[Role] | None = Field(default=None, min_length=1, max_length=len(Role))
    password: SecretStr | None = Field(default=None, description="At least 12 characters.")
    active: bool | None = Field(default=None, description="True opens a closed account again.")
    successor: PersonId | None = Field(
        default=None,
        pattern=f"^[0-9a-f]{{{ID_LENGTH}}}$",
        description="With active false: who takes over the visits and all else that is still to come; "
        "needed where visitors are still to come.",
    )


@dataclass(frozen=True)
class OpenSession:
    """A session just begun, with the secret that goes into the browser's cookie and nowhere else."""

    person: Person
    session: BrowserSession
    secret: str


def create_person(work: Work, new: NewPerson) -> Person:
    """Create an account; raises `Conflict` where the address has one already."""
    require(work.principal, Right.PEOPLE_MANAGE)
    password_hash = checked_hash(new.password, new.email) if new.password else None
    if models.by_email(work.session, new.email) is not None:
        raise Conflict("There is already an account with this e-mail address.")
    person = Person(
        id=PersonId(work.ids.new()),
        email=new.email,
        name=new.name,
        language=new.language,
        password_hash=password_hash,
        created_at=work.now,
    )
    work.session.add(person)
    work.session.flush()
    _set_roles(work, person.id, new.roles)
    work.record(PersonCreated(person=person.id, roles=tuple(sorted(set(new.roles)))))
    if new.invite:
        send_password_link(work, person.id)
    return person


def change_person(work: Work, person_id: PersonId, change: PersonChange) -> Person:
    """Change an account. People may change their own name, language and password.

    A token may not, whatever its scopes: a new password would open everything that its owner may do.
    """
    own = work.principal.person == person_id and work.principal.kind is Kind.PERSON
    given = change.model_fields_set & {n for n, v in change if v is not None} - {"successor"}
    if not own or given & {"roles", "active"}:
        require(work.principal, Right.PEOPLE_MANAGE)
    person = _person(work, person_id)
    if change.active is False:
        given = given - {"active"}
        deactivate(work, person_id, change.successor)
    elif change.active:
        person.active = True
    if change.password is not None:
        person.password_hash = checked_hash(change.password, person.email)
        sessions.end_all(work, person_id)
    person.name = change.name or person.name
    person.language = change.language or person.language
    if change.roles is not None:
        if Role.ADMINISTRATOR not in change.roles:
            _check_not_last_administrator(work, person_id)
        _set_roles(work, person_id, change.roles)
    if given:
        work.record(PersonChanged(person=person_id, fields=tuple(sorted(given))))
    return person


def deactivate(work: Work, person_id: PersonId, successor: PersonId | None = None) -> Person:
    """Close an account: its sessions end and its tokens are revoked.

    A successor takes over what the person still had: visits, walk-ins, notices and conversations follow in the same
    work (`HostLeft`), all of them or none. `Invalid` names `successor` where visitors are still to come and nobody
    is named: `PersonDeactivated` is refused then.
    """
    require(work.principal, Right.PEOPLE_MANAGE)
    person = _person(work, person_id)
    if not person.active:
        return person
    _check_not_last_administrator(work, person_id)
    if successor is not None:
        check_successor(work, person_id, successor)
        work.record(HostLeft(person=person_id, successor=successor))
    leave_deputies(work, person_id, successor)
    person.active = False
    sessions.end_all(work, person_id)
    open_tokens = update(ApiToken).where(
        col(ApiToken.person) == person_id, col(ApiToken.revoked_at).is_(None)
    )
    work.session.exec(open_tokens.values(revoked_at=work.now))
    work.record(PersonDeactivated(person=person_id))
    return person


def set_deputy(work: Work, person_id: PersonId, deputy: PersonId | None) -> Person:
    """Name who is told when a person does not react: for oneself, or for anyone with the right to manage people.

    The deputy of a deputy is not asked: one hop is enough to find somebody, and no circle can come of it.
    """
    if work.principal.person != person_id:
        require(work.principal, Right.PEOPLE_MANAGE)
    person = _person(work, person_id)
    found = work.session.get(Person, deputy) if deputy else None
    if deputy == person_id:
        raise Invalid([("deputy", "must be somebody else")])
    if deputy and (found is None or not found.active):
        raise Invalid([("deputy", "must be somebody with an active account")])
    if person.deputy != deputy:
        person.deputy = deputy
        work.record(DeputyChanged(person=person_id, deputy=deputy))
    return person


def find_person(work: Work, person_id: PersonId) -> Person:
    """Return an account: anyone's with the right to read them, or one's own."""
    if work.principal.person != person_id:
        require(work.principal, Right.PEOPLE_READ)
    return _person(work, person_id)


def list_people(
    work: Work, query: PageQuery, *, role: Role | None = None, active: bool | None = None
) -> Page[Person]:
    """Return accounts, page by page."""
    require(work.principal, Right.PEOPLE_READ)
    return models.people(work.session, query, role=role, active=active)


def sign_in(
    office: Office, email: str, password: str, *, address: str = "", user_agent: str = ""
) -> OpenSession:
    """Sign in with a password; raises `Invalid` where it does not fit, `TooMany` after many failures.

    It is the one action that opens its own work: a failure must be counted although it raises, and the slow
    comparison must not hold the database.
    """
    # Nobody's address holds a control character, and PostgreSQL stores no NUL.
    email = on_one_line(rules.same_email(email))[:254]
    account, place = f"sign-in:{email}", f"sign-in-from:{address}"
    with office.begin(Principal.anonymous()) as work:
        throttle.check(work, account)
        throttle.check(work, place)
        # Counted before it is known, so that many guesses at once do not slip through; forgotten if it fits.
        throttle.failed(work, account)
        throttle.failed(work, place, FAILURES_PER_ADDRESS)
        person = models.by_email(work.session, email)
    stored = person.password_hash if person and person.active else None
    fits = password_fits(stored, password[: rules.LONGEST_PASSWORD + 1])
    if person is None or not fits:
        known = person.id if person is not None else PersonId("")
        # Also for nobody: an answer that comes a commit earlier would tell which accounts exist.
        with office.begin(Principal.anonymous()) as work:
            work.record(SignInFailed(person=known, address=address[:64]))
        raise Invalid([("password", "The e-mail address or the password is not right.")])
    fresh = hash_password(password) if needs_new_hash(stored or "") else None
    with office.begin(Principal.for_person(person.id, ())) as work:
        throttle.succeeded(work, account)
        throttle.succeeded(work, place)
        if fresh:
            _person(work, person.id).password_hash = fresh
        return _open_session(work, person, address, user_agent)


def sign_out(work: Work, session: SessionId) -> None:
    """End one's own session; done is done, however often it is asked."""
    found = work.session.get(BrowserSession, session)
    if found is None or found.person != work.principal.person:
        return
    work.session.delete(found)
    sessions.tell_ended(work, found.person)
    work.record(SignedOut(person=found.person, session=session))


def identify_session(work: Work, secret: str) -> tuple[Principal, BrowserSession, Person] | None:
    """Return who a session cookie stands for, or None where the session is over."""
    found = models.session_with(work.session, secret)
    if found is None:
        return None
    session, person = found
    if not person.active or session.expires_at <= work.now:
        return None
    rights = rules.rights_of(models.roles_of(work.session, person.id))
    return Principal.for_person(person.id, rights), session, person


def touch(work: Work, session: SessionId | None = None, token: TokenId | None = None) -> None:
    """Keep that a session or token is in use; the session's end moves on, up to the longest allowed."""
    if session is not None and (used := work.session.get(BrowserSession, session)):
        used.last_used_at = work.now
        longest = used.created_at + work.settings.session_longest
        used.expires_at = min(work.now + work.settings.session_lifetime, longest)
    if token is not None and (used_token := work.session.get(ApiToken, token)):
        used_token.last_used_at = work.now


def end_old_sessions(work: Work) -> None:
    """Delete sessions that are over; a timer calls it."""
    work.session.exec(delete(BrowserSession).where(col(BrowserSession.expires_at) <= work.now))


def _open_session(work: Work, person: Person, address: str, user_agent: str) -> OpenSession:
    secret = work.ids.secret()
    session = BrowserSession(
        id=SessionId(work.ids.new()),
        person=person.id,
        secret_hash=models.hash_of(secret),
        csrf_token=work.ids.secret(24),
        created_at=work.now,
        last_used_at=work.now,
        expires_at=work.now + work.settings.session_lifetime,
        address=address[:64],
        user_agent=user_agent[:200],
    )
    work.session.add(session)
    work.record(SignedIn(person=person.id, session=session.id))
    return OpenSession(person, session, secret)


def csrf_fits(expected: str, sent: str) -> bool:
    """Compare a session's CSRF token in constant time."""
    return bool(expected) and hmac.compare_digest(expected.encode(), sent.encode())


def is_stale(last_used: datetime | None, now: datetime) -> bool:
    """Tell whether the last use should be written again."""
    return last_used is None or now - last_used >= TOUCHED_EVERY


def _person(work: Work, person_id: PersonId) -> Person:
    person = work.session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person.")
    return person


def _set_roles(work: Work, person: PersonId, roles: Iterable[Role]) -> None:
    work.session.exec(delete(RoleOfPerson).where(col(RoleOfPerson.person) == person))
    for role in sorted(set(roles)):
        work.session.add(RoleOfPerson(person=person, role=role))
    work.session.flush()


def _check_not_last_administrator(work: Work, person: PersonId) -> None:
    others = (
        select(Person.id)
        .join(RoleOfPerson, col(RoleOfPerson.person) == Person.id)
        .where(RoleOfPerson.role == Role.ADMINISTRATOR, col(Person.active), Person.id != person)
    )
    is_one = Role.ADMINISTRATOR in models.roles_of(work.session, person)
    if is_one and work.session.exec(others.limit(1)).first() is None:
        raise Conflict("This is the last administrator. Make someone else administrator first.")
