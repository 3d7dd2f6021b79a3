"""Live notices: tell every open page that something it shows has changed.

A notice says what to fetch again, never the content, so it needs no rights: pages fetch the changed fragment with
their own. The worker publishes it, the live process hands it to browsers as `event: <what>`, `data: <about>`.
"""

from datetime import timedelta

from access_protocol.ids import SiteCode
from server.kernel import outbox
from server.kernel.work import Work

KIND = "live"
VISITOR = "visitor"
"""A notice of this name is handed to the page of the visitor that it is about, and to nobody else."""
CALL = "call"
"""A notice of this name is about a call: handed to the visitor that it is about, and to staff."""
SESSIONS = "sessions"
"""A notice of this name is about a person of whom a session ended: their streams look whether they may go on."""
KEPT = timedelta(seconds=30)
"""A notice older than this tells nothing: pages that reconnect load everything anew."""
EVERY_SITE = SiteCode("ALL")
"""Stands in the topic of notices that belong to no site; no site may be called so."""


def notice(work: Work, what: str, about: str = "", *, site: SiteCode = EVERY_SITE) -> None:
    """Tell open pages of a change: `live.notice(work, "doors", about="main-gate", site=SiteCode("TYO"))`.

    `what` is a slug (it becomes the SSE event's name), `about` at most 200 characters, no personal data. However often
    one work tells the same, it is sent once: pages hear of it after the commit.
    """
    if not work.is_first((KIND, site, what, about)):
        return
    outbox.post(
        work,
        KIND,
        site,
        {"what": what, "about": about},
        reference=what,
        deadline=work.now + KEPT,
    )
