"""A visit joined to LINE by the programs as they run: a webhook in over HTTP, the worker's texts out over HTTPS."""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from socket import SOCK_DGRAM
from urllib.parse import unquote

import pytest
import requests

from demo.ports import free_port
from demo.program import StartedProcess
from server.arrivals import actions as arrivals
from server.arrivals.actions import NewAnswer
from server.notifications import actions as notifications
from server.notifications.actions import MessengerKind
from server.visits.actions import link_of
from tests.fakes.reception import SECRETS, SITE, Reception, open_reception
from tests.services.messengers import BASIC_ID, LINE_KEYS, USER, StandIn, line_signature
from tests.services.template import SqliteTemplate

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn.of(tmp_path) as running:
        yield running
    assert not running.complaints


@pytest.fixture
def reception(tmp_path: Path, sqlite_template: SqliteTemplate) -> Iterator[Reception]:
    found = open_reception(sqlite_template.copy(tmp_path / "genkan.sqlite3"), tmp_path)
    found.clock.set(datetime.now(UTC))
    with closing(found.office):
        yield found


@pytest.fixture
def base_url(reception: Reception, stand_in: StandIn, tmp_path: Path) -> Iterator[str]:
    """Where the web process of `python -m server serve` answers."""
    web, live = free_port(), free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GENKAN_")},
        "PYTHONUNBUFFERED": "1",
        "GENKAN_SECRET_KEY": SECRETS[0],
        "GENKAN_MASTER_KEY": SECRETS[1],
        "GENKAN_DATABASE_URL": reception.office.settings.database,
        "GENKAN_DATA_FOLDER": str(tmp_path / "data"),
        "GENKAN_BASE_URL": f"http://localhost:{web}",
        "GENKAN_LIVE_URL": f"http://localhost:{live}",
        "GENKAN_WEB_PORT": str(web),
        "GENKAN_LIVE_PORT": str(live),
        "GENKAN_BROKER_PORT": str(free_port()),
        "GENKAN_WORKER_WAKE": f"127.0.0.1:{free_port(SOCK_DGRAM)}",
        "GENKAN_OUTBOUND_ALLOWED": "127.0.0.0/8",
        "GENKAN_OUTBOUND_CA_FILE": str(stand_in.service.ca_file),
        "GENKAN_LINE_API_URL": stand_in.service.url,
    }
    process = StartedProcess(
        [sys.executable, "-m", "server", "serve"],
        ready="is ready",
        environment=environment,
        folder=Path.cwd(),
    )
    yield environment["GENKAN_BASE_URL"]
    process.stop(signal.SIGTERM)
    assert "Traceback" not in process.output
    assert not {each for each in (*LINE_KEYS.values(), USER) if each in process.output}


def hear(base_url: str, event: dict[str, object], signature: str = "") -> int:
    body = json.dumps({"destination": "U0", "events": [event]}).encode()
    headers = {"x-line-signature": signature or line_signature(body)}
    url = f"{base_url}/hooks/line/{SITE}"
    return requests.post(url, data=body, headers=headers, timeout=60).status_code


@pytest.mark.broker
def test_a_tap_joins_and_the_host_s_answer_arrives(
    reception: Reception, stand_in: StandIn, base_url: str
) -> None:
    (guest,) = reception.guests_of(reception.invite())
    with reception.work("admin") as work:
        notifications.set_up_messenger(work, SITE, MessengerKind.LINE, LINE_KEYS)
        page = f"{base_url}/v/" + link_of(work, guest).rpartition("/")[2]
    stand_in.wait_until(lambda: _address(reception) == BASIC_ID)
    phone = requests.Session()
    csrf = CSRF.search(phone.get(page, timeout=60).text)
    assert csrf
    phone.post(f"{page}/open", data={"csrf_token": csrf[1]}, timeout=60)

    tap = phone.get(f"{page}/messenger/line", timeout=60, allow_redirects=False)
    code = unquote(tap.headers["Location"]).rpartition("?")[2]
    event = stand_in.line_event(text=code)
    moment = int(datetime.now(UTC).timestamp() * 1000)
    event["timestamp"] = moment
    assert hear(base_url, event, "forged") == 403
    assert hear(base_url, event) == 200
    assert hear(base_url, event) == 200
    stand_in.wait_until(lambda: len(stand_in.said) == 1)
    with reception.work() as work:
        new = NewAnswer.model_validate({"kind": "coming_down"})
        arrivals.answer(work, guest.visit, new)
    stand_in.wait_until(lambda: len(stand_in.said) == 2)

    joined, answered = stand_in.said
    assert (joined.way, answered.way, answered.to) == ("reply", "push", USER)
    assert page.rpartition("/")[2] in answered.text
    assert "Joined" in phone.get(page, timeout=60).text


def _address(reception: Reception) -> str:
    with reception.work("admin") as work:
        return notifications.find_messenger(work, SITE, MessengerKind.LINE).address
