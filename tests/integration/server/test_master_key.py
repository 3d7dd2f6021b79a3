"""A master key is changed, everything is sealed anew, and the previous key is forgotten."""

from pathlib import Path

from pydantic import SecretStr
from sqlmodel import select

from access_protocol.ids import SiteCode
from server.app import create_office
from server.credentials import keys
from server.devices.actions import signing_key
from server.devices.models import KeyPurpose
from server.kernel.ids import MailId
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.notifications import actions as notifications
from server.notifications.models import CaughtMail
from server.processes.sealing import seal_anew
from server.visits import actions as visits
from server.visits import models
from tests.fakes.reception import SITE, SYSTEM, Reception, open_reception

NEW_KEY = SecretStr("5t4Re3Wq2As1Df0Gh9Jk8Lz7Xc6Vb5Nm4Qw")


def with_keys(reception: Reception, present: SecretStr, previous: SecretStr) -> Office:
    """The same database, opened with other master keys."""
    before: Settings = reception.office.settings
    changed = before.model_copy(update={"master_key": present, "previous_master_key": previous})
    return create_office(changed, reception.clock)


def secrets_of(office: Office, site: SiteCode) -> tuple[object, ...]:
    """Everything that is sealed, opened."""
    with office.begin(SYSTEM) as work:
        (visitor,) = work.session.exec(select(models.Visitor)).all()
        (mail,) = work.session.exec(select(CaughtMail)).all()
        return (
            keys.issuing_key(work, site)[1].seed,
            signing_key(work, site, KeyPurpose.AUTHORITY).seed,
            visits.link_of(work, visitor),
            notifications.message_of(work, MailId(mail.id)),
        )


def test_after_sealing_anew_the_previous_master_key_can_be_forgotten(
    database_url: str, tmp_path: Path
) -> None:
    reception = open_reception(database_url, tmp_path)
    reception.invite()
    reception.deliver()
    known = secrets_of(reception.office, SITE)
    old_key = reception.office.settings.master_key
    both = with_keys(reception, NEW_KEY, old_key)
    seal_anew(both)
    only_new = with_keys(reception, NEW_KEY, SecretStr(""))
    assert secrets_of(only_new, SITE) == known
    for office in (reception.office, both, only_new):
        office.close()
