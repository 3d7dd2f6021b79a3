"""What stands in the fields of the drinks page before anybody types."""

from collections.abc import Sequence

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.work import Work
from server.refreshments import actions, models


def present(work: Work, sites: Sequence[tuple[SiteCode, str]]) -> dict[str, str]:
    """Return what stands in the fields before anybody types."""
    found: dict[str, object] = {}
    for machine in actions.machines(work):
        prefix = f"{machine.site}-{machine.portal}-"
        found[f"{prefix}low_stock"] = machine.low_stock
        found[f"{prefix}refill_person"] = machine.refill_person
        found[f"{prefix}refill_mail"] = machine.refill_mail
        found[f"{prefix}new-capacity"] = 8
        for slot in models.slots(work.session, machine.site, machine.portal):
            found[f"{prefix}{slot.number}-item"] = slot.item
            found[f"{prefix}{slot.number}-capacity"] = slot.capacity
    for code, _ in sites:
        allowance = actions.allowance_of(work, code)
        found[f"{code}-per_visit"], found[f"{code}-per_day"] = (
            allowance.per_visit,
            allowance.per_day,
        )
        for item in models.items(work.session, code):
            found[f"{item.id}-name"], found[f"{item.id}-note"] = item.name, item.note
            for language in Language:
                found[f"{item.id}-name-{language}"] = item.translations.get(language)
                found[f"{item.id}-note-{language}"] = item.note_translations.get(language)
    return {name: str(value) for name, value in found.items() if value is not None}
