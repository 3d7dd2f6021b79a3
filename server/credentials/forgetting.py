"""Forgetting a visitor: their pass ends, its issues go, and at last the row that says whose the credential was."""

from typing import Any

from sqlmodel import col, delete, select

from access_protocol.ids import CREDENTIAL_ID_BYTES, CredentialId
from server.credentials import models
from server.credentials.models import SLOWEST_CLOCK, Credential, Issue
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.visits.models import Visitor

MOST_AT_ONCE = 500


def forget_visitor(work: Work, visitor: VisitorId) -> None:
    """Delete what was issued to a visitor; from the visitor nothing leads to the ledger any more.

    Their pass was withdrawn before. The credential's own row stays while gates may still see it: only from it they
    learn that it ended.
    """
    held = models.of_visitor(work.session, visitor)
    guest = work.session.get(Visitor, visitor)
    if guest is not None:
        guest.credential = CredentialId(work.ids.random_bytes(CREDENTIAL_ID_BYTES))
    if held is not None:
        work.session.exec(delete(Issue).where(col(Issue.credential) == held.id))
    work.session.flush()
    forget_expired(work)


def forget_expired(work: Work) -> int:
    """Delete the credentials of forgotten visitors that no gate can admit any more; return how many."""
    over = (
        select(Credential)
        .join(Visitor, col(Visitor.id) == col(Credential.visitor))
        .where(
            col(Visitor.forgotten_at).is_not(None),
            Credential.last_expires < work.now - SLOWEST_CLOCK,
        )
        .limit(MOST_AT_ONCE)
    )
    found = work.session.exec(over).all()
    for held in found:
        work.session.delete(held)
    work.session.flush()
    return len(found)


def about_visitor(work: Work, visitor: VisitorId) -> dict[str, Any]:
    """Return what is kept of a visitor's passes, in values that JSON knows; the codes themselves open doors."""
    held = models.of_visitor(work.session, visitor)
    if held is None:
        return {"passes": []}
    issues = select(Issue).where(Issue.credential == held.id).order_by(col(Issue.generation))
    return {
        "passes": [
            {
                "kind": str(each.credential_class),
                "issued_at": each.issued_at,
                "not_before": each.not_before,
                "expires": each.expires,
                "bound_to_a_phone": each.holder is not None,
            }
            for each in work.session.exec(issues).all()
        ]
    }
