"""Sends notices to messengers with apprise, in a child process that can go nowhere else.

apprise makes its own requests, sleeps between them and needs half a second and 50 MB to load. The child is given the
URL on its standard input, guards its own sockets (`messenger_child`), and is ended when it takes too long.
"""

import json
import subprocess
import sys

from server.kernel.ids import DeliveryId
from server.kernel.outbox import Outgoing
from server.kernel.principal import Principal
from server.kernel.work import Office
from server.notifications import models, phrases, post
from server.notifications.kinds import Failure
from server.notifications.models import Channel, Delivery, Notice
from server.notifications.push import unsealed

LONGEST_SECONDS = 40
"""Below the lease of an outbox row."""
CHILD = "server.notifications.messenger_child"
_FINAL = frozenset({Failure.FORBIDDEN_ADDRESS, Failure.REFUSED})


class MessengerSender:
    """The sender of outbox rows of kind `service`."""

    def __init__(self, office: Office) -> None:
        """Read what is sent from the office's database, when it is sent."""
        self._office = office

    def __call__(self, row: Outgoing) -> None:
        """Send the row's notice, or raise `SendFailed`."""
        task = self._task(DeliveryId(row.reference))
        if task is None:
            raise post.failed(Failure.GONE, "the channel was removed", final=True)
        failure, why = run(task)
        if failure is not None:
            raise post.failed(failure, why, final=failure in _FINAL)

    def _task(self, delivery_id: DeliveryId) -> dict[str, str] | None:
        settings = self._office.settings
        with self._office.reading(Principal.system("messenger")) as work:
            delivery = work.session.get(Delivery, delivery_id)
            if delivery is None or delivery.channel is None:
                return None
            notice = work.session.get_one(Notice, delivery.notice)
            channel = work.session.get_one(Channel, delivery.channel)
            hide = models.preferences_of(work.session, notice.person).hide_names
        words = phrases.word(notice.kind, notice.language, notice.details, hide_names=hide)
        link = f"{str(settings.base_url).rstrip('/')}{notice.opens}"
        return {
            "url": unsealed(self._office, channel).decode(),
            "title": words.title,
            "body": f"{words.body}\n{link}".strip(),
            "allowed": settings.outbound_allowed,
            "ca_file": str(settings.outbound_ca_file or ""),
        }


def run(task: dict[str, str]) -> tuple[Failure | None, str]:
    """Run the child; return why it failed, or None and an empty text."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", CHILD],
            input=json.dumps(task).encode(),
            capture_output=True,
            timeout=LONGEST_SECONDS,
            # No proxies and no secrets of ours.
            env={
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Failure.UNREACHABLE, f"not done after {LONGEST_SECONDS} seconds"
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode != 0 or not lines:
        return Failure.OTHER, f"the child process ended with {done.returncode}"
    result: dict[str, str] = json.loads(lines[-1])
    if not result["failure"]:
        return None, ""
    return Failure(result["failure"]), result["why"][:300]
