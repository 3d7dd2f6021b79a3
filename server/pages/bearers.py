"""Who is behind a credential, by name and kind, as security reads it: a visitor, staff, or a voucher."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for

from access_protocol.ids import CredentialId
from server.credentials import models as credentials
from server.credentials.models import CredentialKind
from server.kernel.work import Work
from server.pages.names import Names
from server.visits import models as visits
from server.web.languages import gettext


@dataclass(frozen=True)
class Bearer:
    """Somebody who holds, or held, a credential."""

    name: str
    detail: str
    """A visitor's company, or what they are here."""
    url: str = ""


def of(work: Work, wanted: Iterable[CredentialId | None]) -> dict[CredentialId, Bearer]:
    """Return who is behind the credentials, with two queries; those that nobody knows any more are left out."""
    ids = {each for each in wanted if each is not None}
    names = Names(work)
    found: dict[CredentialId, Bearer] = {}
    for credential, (visit, name, company) in visits.named(work.session, ids).items():
        found[credential] = Bearer(name, company, url_for("panel.visit", visit_id=visit))
    unknown = ids - found.keys()
    others = credentials.holders_of(work.session, unknown) if unknown else {}
    for credential, holder in others.items():
        if holder.kind is CredentialKind.STAFF:
            found[credential] = Bearer(names.person(holder.person), gettext("Staff"))
        elif holder.kind is CredentialKind.VOUCHER:
            found[credential] = Bearer(gettext("Voucher"), gettext("for a drink"))
    return found
