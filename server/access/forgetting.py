"""Forgetting a visitor: what doors know of one person; the ledger keeps ids, and nothing leads from them to anybody."""

from typing import Any

from sqlmodel import col, update

from access_protocol.ids import CredentialId, SiteCode
from server.access import models
from server.access.models import Amnesty, AntiPassbackConflict, DoorCommand, Presence
from server.access.presence import hold
from server.kernel import live
from server.kernel.ids import VisitorId
from server.kernel.work import Work


def forget_visitor(work: Work, visitor: VisitorId, credential: CredentialId) -> None:
    """Delete what guards wrote when they let a visitor through, and whose page asked for a door."""
    work.session.exec(
        update(DoorCommand)
        .where((col(DoorCommand.visitor) == visitor) | (col(DoorCommand.credential) == credential))
        .values(visitor=None, reason="")
    )
    work.session.exec(
        update(Amnesty).where(col(Amnesty.credential) == credential).values(reason="")
    )
    conflicts = update(AntiPassbackConflict).where(
        col(AntiPassbackConflict.credential) == credential
    )
    work.session.exec(conflicts.values(note=""))
    work.session.expire_all()


def about_credential(work: Work, credential: CredentialId) -> dict[str, Any]:
    """Return where the bearer of a credential passed, in values that JSON knows."""
    return {
        "passages": [
            {
                "at": each.at,
                "site": each.site,
                "portal": each.portal,
                "direction": str(each.direction),
            }
            for each in sorted(models.passages_of(work.session, [credential]), key=_when)
        ]
    }


def leave_unseen(work: Work, credential: CredentialId, site: SiteCode) -> None:
    """Count the bearer of a credential as outside although no reader saw them leave."""
    held = hold(work, credential)
    if held is not None and held.zone is not None:
        held.zone = None
        work.session.flush()
        live.notice(work, "occupancy", site=site)


def is_inside(work: Work, credential: CredentialId) -> bool:
    """Tell whether the bearer of a credential was last seen going in."""
    held = work.session.get(Presence, credential)
    return held is not None and held.zone is not None


def _when(passage: models.Passage) -> Any:  # noqa: ANN401  what sorted compares
    return passage.at
