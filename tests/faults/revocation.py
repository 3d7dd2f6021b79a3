"""A credential that is revoked while its bearer stands before the gate."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.caller import Caller
from server.credentials import models as credentials
from server.kernel.ids import VisitorId
from server.kernel.principal import Principal
from tests.faults.figures import Scene
from tests.faults.history import Findings
from tests.faults.installation import GATE, Installation
from tests.faults.kills import ONE_PASSAGE_S

ARRIVES_WITHIN_S = 10.0


def revoked_under_traffic(scene: Scene) -> Findings:
    """From the moment at which the revocation has arrived, nothing opens for it."""
    site = scene.site
    host = Caller(site.url, site.url).sign_in("host@genkan.example", site.password)
    guests = _invited(site, host, scene.runs)
    late: set[str] = set()
    for number in scene.rounds():
        visitor, text = guests[number]
        before = _arrived(site)

        def comes(text: str = text) -> None:
            site.pause(ONE_PASSAGE_S)
            site.show(text)

        bearer = threading.Thread(target=comes)
        bearer.start()
        site.pause(ONE_PASSAGE_S)
        host.delete(f"/api/v1/visitors/{visitor}/credential")
        if not site.until(lambda before=before: _arrived(site) > before, ARRIVES_WITHIN_S):
            late.add(f"the revocation of {visitor} did not arrive within {ARRIVES_WITHIN_S:.0f} s")
        site.bar(text, datetime.now(UTC))
        bearer.join()
        site.present(text, within=1.0)
    host.close()
    found = site.findings()
    return replace(found, lost=found.lost | late)


def _arrived(site: Installation) -> int:
    """How often the gate said that it took new revocations."""
    return site.said(GATE, "section=revocations")


def _invited(site: Installation, host: Caller, number: int) -> list[tuple[str, str]]:
    """So many visitors with their codes."""
    now, found = datetime.now(UTC), list[tuple[str, str]]()
    office = site.office()
    while len(found) < number:
        visit: dict[str, Any] = host.post(
            "/api/v1/visits",
            {
                "title": "Review",
                "starts_at": (now + timedelta(minutes=5)).isoformat(),
                "ends_at": (now + timedelta(hours=8)).isoformat(),
                "zones": [2],
                "visitors": [
                    {"name": f"Guest {each}", "email": f"guest{each}@visitor.example"}
                    for each in range(min(10, number - len(found)))
                ],
            },
        )
        with office.reading(Principal.system("faults")) as work:
            for guest in visit["visitors"]:
                issue = credentials.current_issue(work.session, VisitorId(guest["id"]))
                if issue is not None:
                    found.append((guest["id"], issue.text))
    office.close()
    return found
