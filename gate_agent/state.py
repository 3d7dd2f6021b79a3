"""What the gate's folder holds, for the command `status`."""

import stat
from datetime import datetime, timedelta

import msgspec

from gate_agent import machine
from gate_agent.clock import kernel_is_synchronised, system_time
from gate_agent.health import certificate_expires, last_health, software
from gate_agent.journal import Journal
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import OWNER_ONLY, LocalStore

REPORTED_WITHIN = timedelta(seconds=90)
"""A gate reports every half minute; what is older is of one that does not run."""


def gate_state(store: LocalStore) -> dict[str, object]:
    """Return it as one object. Raises `NotEnrolled`, `JournalDamaged` or `JournalUnavailable`."""
    identity = store.identity()
    knowledge = HeldKnowledge(identity, store)
    journal = Journal(store.journal_path, lambda: knowledge.policy.access_points)
    try:
        return {
            "gate": identity.device,
            "site": identity.site,
            "broker": f"{identity.broker_host}:{identity.broker_port}",
            "data_folder": str(store.folder),
            "private": stat.S_IMODE(store.identity_path.stat().st_mode) == OWNER_ONLY,
            "kernel_clock_synchronised": kernel_is_synchronised(),
            "knowledge": {str(kind): version for kind, version in knowledge.versions.items()},
            "knowledge_age_s": _age(knowledge.heard),
            "access_points": sorted(knowledge.policy.access_points),
            "journal": journal.id,
            "journal_sequence": journal.position.sequence,
            "journal_pruned": journal.pruned,
            "journal_waiting": journal.waiting,
            "software": software(),
            "temperature_c": machine.temperature_c(),
            "disk_free_mb": machine.disk_free_mb(store.folder),
            "certificate_expires": msgspec.to_builtins(certificate_expires(store)),
            "running": _running(store),
        }
    finally:
        journal.close()


def _running(store: LocalStore) -> object:
    """Return what the gate's program said of itself within the last 90 s; None where none runs."""
    report = last_health(store)
    if report is None or abs(system_time() - report.at) > REPORTED_WITHIN:
        return None
    return msgspec.to_builtins(report)


def _age(heard: datetime | None) -> int | None:
    return None if heard is None else int((system_time() - heard).total_seconds())
