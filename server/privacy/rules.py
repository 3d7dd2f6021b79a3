"""What is kept for how long, by kind of data. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

LONGEST_DAYS = 3650


class Kept(StrEnum):
    """A kind of data with a time of its own."""

    VISITS = "visits"
    """Who visitors were: all that is kept of each, but for what has its own line."""
    CONVERSATIONS = "conversations"
    """Chats and their files."""
    COMMENTS = "comments"
    """What visitors wrote in surveys; the scores stay."""
    TRACES = "traces"
    """Replaced links, phone codes, and who asked at an entrance to be let in."""
    NOTICES = "notices"
    """What hosts were told."""
    MAILS = "mails"
    """Mails and other messages that were sent, failed or were caught."""
    RETURNING = "returning"
    """What visitors allowed us to keep for their next visit, after the last one."""
    AUDIT = "audit"
    """Who did what and when."""


OF_A_SITE = frozenset({Kept.VISITS, Kept.CONVERSATIONS, Kept.COMMENTS, Kept.TRACES})
"""Kinds that belong to one site; of the others the shortest time of all sites counts."""

USUAL_DAYS: Mapping[Kept, int] = {
    Kept.VISITS: 90,
    Kept.CONVERSATIONS: 90,
    Kept.COMMENTS: 365,
    Kept.TRACES: 2,
    Kept.NOTICES: 30,
    Kept.MAILS: 30,
    Kept.RETURNING: 365,
    Kept.AUDIT: 730,
}


MOST_DAYS: Mapping[Kept, int] = {Kept.NOTICES: 30, Kept.MAILS: 30}
"""Nothing is gained by keeping these longer: hosts' pages show a month, and the catcher is for looking at."""


def days_of(decided: Mapping[str, int] | None, kind: Kept) -> int:
    """Return after how many days a kind goes: as decided, or as usual."""
    return (decided or {}).get(kind.value, USUAL_DAYS[kind])


def before(now: datetime, days: int) -> datetime:
    """Return the moment before which something is old."""
    return now - timedelta(days=days)
