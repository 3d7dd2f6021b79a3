"""Requests to addresses that people gave us, over real connections: pinned, verified, limited, never redirected."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from server.kernel import destinations, outbound
from server.kernel.settings import Settings
from tests.services.push_service import PushService, Reply


@pytest.fixture
def service(tmp_path: Path) -> Iterator[PushService]:
    with PushService(tmp_path) as running:
        yield running


def settings(folder: Path, service: PushService | None, allowed: str = "127.0.0.0/8") -> Settings:
    return Settings(
        demo=True,
        data_folder=folder,
        outbound_allowed=allowed,
        outbound_ca_file=service.ca_file if service else None,
    )


def test_an_allowed_service_answers(tmp_path: Path, service: PushService) -> None:
    service.replies.append(Reply(200, body=b"hello"))
    with outbound.session(settings(tmp_path, service)) as session:
        answer = session.post(f"{service.url}/x", data=b"y")
    assert (answer.status_code, answer.text) == (200, "hello")
    assert service.received[0].headers["host"] == f"localhost:{service.port}"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1"])
def test_this_machine_is_not_reached(tmp_path: Path, service: PushService, host: str) -> None:
    with (
        outbound.session(settings(tmp_path, service, "")) as session,
        pytest.raises(requests.RequestException) as refused,
    ):
        session.post(f"https://{host}:{service.port}/", data=b"")
    assert isinstance(refused.value, outbound.ForbiddenAddress)
    assert service.received == []


def test_a_redirect_comes_back_as_it_is(tmp_path: Path, service: PushService) -> None:
    service.replies.append(Reply(302, {"Location": f"{service.url}/other"}))
    with outbound.session(settings(tmp_path, service)) as session:
        answer = session.get(f"{service.url}/x", allow_redirects=True)
    assert answer.status_code == 302
    assert len(service.received) == 1


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with (
        PushService(tmp_path, ["elsewhere.example"]) as service,
        outbound.session(settings(tmp_path, service)) as session,
        pytest.raises(requests.exceptions.SSLError),
    ):
        session.get(f"{service.url}/", verify=False)
    assert service.received == []


def test_of_a_large_answer_only_the_beginning_is_read(tmp_path: Path, service: PushService) -> None:
    service.replies.append(Reply(200, body=b"x" * 1_000_000))
    with outbound.session(settings(tmp_path, service)) as session:
        answer = session.get(f"{service.url}/x")
    assert len(answer.content) == outbound.LARGEST_ANSWER


def test_plain_http_goes_to_allowed_networks_only(tmp_path: Path) -> None:
    with (
        outbound.session(settings(tmp_path, None, "")) as session,
        pytest.raises(outbound.ForbiddenAddress),
    ):
        session.get("http://127.0.0.1:8080/")


def test_the_environments_proxies_are_not_asked(
    tmp_path: Path, service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with outbound.session(settings(tmp_path, service)) as session:
        assert session.get(f"{service.url}/x").status_code == 201


def test_who_sends_a_byte_now_and_then_is_cut_off(dripping: "Dripping", tmp_path: Path) -> None:
    allowed = destinations.Destinations.of("127.0.0.0/8")
    trust = outbound.trust_of(str(tmp_path / "push-authority.pem"))
    session = outbound.Session(allowed, trust, total_seconds=1)
    with session, pytest.raises(requests.RequestException):
        session.get(f"https://localhost:{dripping.port}/")
    assert dripping.cut.wait(60)


class Dripping(threading.Thread):
    """A server that begins a header and never ends it, until its client goes."""

    def __init__(self, certificate: Path) -> None:
        super().__init__()
        self.cut = threading.Event()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]

    def run(self) -> None:
        with self._listening, self._listening.accept()[0] as raw:
            try:
                with self._tls.wrap_socket(raw, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                    while not self.cut.wait(0.02):
                        connection.sendall(b"a")
            except OSError:
                self.cut.set()


@pytest.fixture
def dripping(service: PushService) -> Iterator[Dripping]:
    server = Dripping(service.own_file)
    server.start()
    yield server
    server.cut.set()
    server.join(10)
