"""The server's processes as a person starts them: real programs, real broker, real HTTP."""

import json
import os
import signal
import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from socket import SO_REUSEPORT, SOCK_DGRAM, SOL_SOCKET, socket

import pytest

from bench.streams import Streams
from demo.ports import free_port
from demo.program import StartedProcess
from tests.services.template import SqliteTemplate

Environment = Mapping[str, str]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Settings of a demo server on free ports, its database made and filled."""
    made = on_free_ports(tmp_path)
    command(made, "init")
    command(made, "demo-data", "--json")
    return made


@pytest.fixture
def tables(tmp_path: Path, sqlite_template: SqliteTemplate) -> Environment:
    """Settings of a demo server on free ports, with a database that has no row."""
    sqlite_template.copy(tmp_path / "data" / "genkan.sqlite3")
    return on_free_ports(tmp_path)


def on_free_ports(tmp_path: Path) -> Environment:
    web, live = free_port(), free_port()
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("GENKAN_")},
        "PYTHONUNBUFFERED": "1",
        "GENKAN_DEMO": "true",
        "GENKAN_DATA_FOLDER": str(tmp_path / "data"),
        "GENKAN_BASE_URL": f"http://localhost:{web}",
        "GENKAN_LIVE_URL": f"http://localhost:{live}",
        "GENKAN_WEB_PORT": str(web),
        "GENKAN_LIVE_PORT": str(live),
        "GENKAN_BROKER_PORT": str(free_port()),
        "GENKAN_WORKER_WAKE": f"127.0.0.1:{free_port(SOCK_DGRAM)}",
        "GENKAN_MAIL_IN": f"lmtp://127.0.0.1:{free_port()}",
        "GENKAN_MAIL_IN_ADDRESS": "visits@reception.example",
    }


@pytest.fixture
def server(environment: Environment) -> Iterator[StartedProcess]:
    """`python -m server serve`, ready."""
    process = StartedProcess(
        [sys.executable, "-m", "server", "serve"],
        ready="is ready",
        environment=environment,
        folder=Path.cwd(),
    )
    yield process
    process.stop(signal.SIGTERM)


def command(environment: Environment, *arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        env=dict(environment),
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def post(environment: Environment, path: str, body: object) -> tuple[str, dict[str, str]]:
    request = urllib.request.Request(  # noqa: S310  our own server
        f"{environment['GENKAN_BASE_URL']}/api/v1{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  our own server
        return str(answer.headers["Set-Cookie"]).partition(";")[0], json.load(answer)


def get(environment: Environment, path: str, cookie: str) -> dict[str, object]:
    request = urllib.request.Request(  # noqa: S310  our own server
        f"{environment['GENKAN_BASE_URL']}/api/v1{path}", headers={"Cookie": cookie}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  our own server
        found: dict[str, object] = json.load(answer)
        return found


@contextmanager
def stream(environment: Environment, cookie: str) -> Generator[HTTPResponse]:
    connection = HTTPConnection("localhost", int(environment["GENKAN_LIVE_PORT"]), timeout=60)
    headers = {"Cookie": cookie, "Origin": environment["GENKAN_BASE_URL"]}
    connection.request("GET", "/live", headers=headers)
    with closing(connection), connection.getresponse() as answer:
        yield answer


def event_named(events: HTTPResponse, name: str) -> bool:
    """Read the stream until an event has this name; the socket's deadline ends a vain wait."""
    return any(line.strip() == f"event: {name}".encode() for line in iter(events.readline, b""))


@pytest.mark.broker
@pytest.mark.usefixtures("server")
def test_a_change_reaches_an_open_page_as_a_live_notice(environment: Environment) -> None:
    cookie, _ = post(
        environment,
        "/session",
        {"email": "admin@genkan.example", "password": "genkan-demo-2026"},
    )
    with stream(environment, cookie) as events:
        assert events.status == 200
        assert events.headers["Access-Control-Allow-Origin"] == environment["GENKAN_BASE_URL"]
        assert event_named(events, "connected")
        # Registering a device is told to open pages; another process than the web process does it here.
        command(environment, "add-device", "gate-7", "--kind", "gate", "--site", "TYO")
        assert event_named(events, "devices")


@pytest.mark.broker
def test_fifty_pages_hear_a_notice_while_requests_are_answered(
    environment: Environment, server: StartedProcess
) -> None:
    cookie, _ = post(
        environment,
        "/session",
        {"email": "admin@genkan.example", "password": "genkan-demo-2026"},
    )
    with ExitStack() as pages:
        streams = [
            pages.enter_context(Streams(int(environment["GENKAN_LIVE_PORT"]), cookie))
            for _ in range(2)
        ]
        for each in streams * 25:
            each.open()
        assert get(environment, "/sites", cookie)["items"]
        command(environment, "add-device", "gate-7", "--kind", "gate", "--site", "TYO")
        for each in streams:
            each.hear("devices")
        # Half of them leave; the others go on hearing.
        streams[0].close()
        command(environment, "add-device", "gate-8", "--kind", "gate", "--site", "TYO")
        streams[1].hear("devices")
        # The server stops while pages are open.
        assert server.stop(signal.SIGTERM) == 0
    assert "Traceback" not in server.output


@pytest.mark.broker
@pytest.mark.usefixtures("server")
def test_a_stream_is_opened_to_nobody_who_is_not_signed_in(environment: Environment) -> None:
    with stream(environment, "genkan_session=guessed") as refused:
        assert refused.status == 401


@pytest.mark.usefixtures("server")
def test_serve_takes_answers_to_mails_and_refuses_an_address_that_it_never_gave_out(
    environment: Environment,
) -> None:
    port = int(environment["GENKAN_MAIL_IN"].rpartition(":")[2])
    with smtplib.LMTP("127.0.0.1", port, timeout=60) as sender:
        sender.ehlo()
        sender.mail("anna@visitor.example")
        assert sender.rcpt(f"visits+{'a' * 42}@reception.example")[0] == 550


@pytest.mark.parametrize("missing", ["GENKAN_MAIL_IN", "GENKAN_MAIL_IN_ADDRESS"])
def test_where_answers_go_is_set_wholly_or_refused(tables: Environment, missing: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "serve"],
        env={name: value for name, value in tables.items() if name != missing},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    said = " ".join(done.stderr.split())
    assert "GENKAN_MAIL_IN and GENKAN_MAIL_IN_ADDRESS belong together" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        ("serve", "GENKAN_WEB_PORT"),
        ("serve", "GENKAN_LIVE_PORT"),
        ("serve", "GENKAN_BROKER_PORT"),
        ("web", "GENKAN_WEB_PORT"),
        ("live", "GENKAN_LIVE_PORT"),
        ("broker", "GENKAN_BROKER_PORT"),
    ],
)
def test_a_port_that_somebody_else_holds_is_refused_by_name(
    tables: Environment, command: str, setting: str
) -> None:
    with socket() as other:
        # The other shares its port, as granian does: without our own look both would answer.
        other.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", int(tables[setting])))
        other.listen()
        done = subprocess.run(
            [sys.executable, "-m", "server", command],
            env=dict(tables),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert f"Port {tables[setting]} on 127.0.0.1 is taken" in said
    assert f"set {setting} to a free port" in said
    assert "ready" not in done.stdout


READY = {"serve": "is ready"}


@pytest.mark.faults
@pytest.mark.parametrize("name", ["broker", "web", "live", "serve"])
def test_what_was_killed_can_be_started_again_at_once(tables: Environment, name: str) -> None:
    for _ in range(2):
        # What the first one had started would still hold the port, were it not gone with it.
        process = StartedProcess(
            [sys.executable, "-m", "server", name],
            ready=READY.get(name, f"{name} ready"),
            environment=tables,
        )
        process.kill()


def test_an_address_of_another_machine_is_refused_by_name(tables: Environment) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "web"],
        env={**tables, "GENKAN_WEB_HOST": "192.0.2.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "GENKAN_WEB_HOST" in done.stderr


def test_a_user_made_at_the_terminal_can_sign_in(tables: Environment) -> None:
    said = command(
        tables,
        *("add-user", "--email", "a@genkan.example", "--name", "A", "--role", "host"),
        "--password-stdin",
        given="correct horse battery\n",
    )
    assert "a@genkan.example can sign in" in said


def test_the_server_refuses_to_start_without_secrets_and_says_how_to_make_them(
    tables: Environment,
) -> None:
    bare = {key: value for key, value in tables.items() if key != "GENKAN_DEMO"}
    done = subprocess.run(
        [sys.executable, "-m", "server", "web"],
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "GENKAN_SECRET_KEY is not set" in done.stderr
    assert "make-secret" in done.stderr


def test_an_old_database_is_refused_with_the_command_that_helps(
    tables: Environment, tmp_path: Path
) -> None:
    empty = {**tables, "GENKAN_DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "-m", "server", "worker"],
        env=empty,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "python -m server init" in done.stderr
