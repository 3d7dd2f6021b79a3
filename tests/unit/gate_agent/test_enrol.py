"""Enrolment over real HTTP."""

import socket
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from access_protocol.feeds import Revocation
from gate_agent.enrol import EnrolmentFailed, enrol
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import LocalStore, NotEnrolled
from tests.fakes.enrolment_server import EnrolmentServer
from tests.fakes.gate_journal import VISITOR
from tests.fakes.gate_site import GATE, GATE_KEY, NOW, TLS, enrolled, enrolment

CODE = "ABCD-EFGH-2345-67IJ"


def test_a_code_makes_the_machine_a_gate_with_a_key_of_its_own(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with EnrolmentServer({CODE: enrolment()}) as server:
        enrol(server.url + "/", f" {CODE.lower()} ", store)
    identity = store.identity()
    assert identity.device == GATE
    assert [request.public_key for request in server.requests] == [identity.key.public]


def test_a_spent_code_is_refused_in_the_servers_words_and_keeps_what_was(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with EnrolmentServer({CODE: enrolment()}) as server:
        enrol(server.url, CODE, store)
        before = store.identity()
        with pytest.raises(EnrolmentFailed, match="This code is spent"):
            enrol(server.url, CODE, store)
    assert store.identity() == before


def test_a_code_for_a_door_makes_no_gate(tmp_path: Path) -> None:
    door = msgspec.structs.replace(enrolment(), kind="controller")
    with (
        EnrolmentServer({CODE: door}) as server,
        pytest.raises(EnrolmentFailed, match="controller"),
    ):
        enrol(server.url, CODE, LocalStore(tmp_path))


@pytest.mark.parametrize("code", ["", "ABCD", "ABCD-EFGH-2345-6789", "ABCD-EFGH-2345-67IJ-KLMN"])
def test_a_mistyped_code_never_leaves_the_machine(tmp_path: Path, code: str) -> None:
    with EnrolmentServer({}) as server:
        with pytest.raises(EnrolmentFailed, match="four groups"):
            enrol(server.url, code, LocalStore(tmp_path))
        assert server.requests == []


@pytest.mark.parametrize(
    "url", ["genkan.example", "ftp://genkan.example", "file:///etc/passwd", ""]
)
def test_what_is_no_web_address_says_so(tmp_path: Path, url: str) -> None:
    with pytest.raises(EnrolmentFailed, match="http"):
        enrol(url, CODE, LocalStore(tmp_path))


def test_a_server_that_is_away_says_so_and_leaves_no_identity(tmp_path: Path) -> None:
    with EnrolmentServer({}) as server:
        pass
    store = LocalStore(tmp_path)
    with pytest.raises(EnrolmentFailed, match="cannot be reached"):
        enrol(server.url, CODE, store)
    with pytest.raises(NotEnrolled):
        store.identity()


def revoked_something(folder: Path) -> LocalStore:
    store = enrolled(folder)
    known = HeldKnowledge(store.identity(), store)
    known.feeds.take_revocations(90, [Revocation(VISITOR, 3, NOW)])
    known.close()
    return store


@pytest.mark.parametrize("change", [{"site": "OSA"}, {"authority": (b"B" * 32,)}])
def test_a_gate_that_is_enrolled_elsewhere_knows_nothing_from_before(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    store = revoked_something(tmp_path)
    store.enrol(msgspec.structs.replace(enrolment(), **change), GATE_KEY, TLS.key)
    # A number of the other site's feed would pass over what this one revoked before.
    known = HeldKnowledge(store.identity(), store)
    assert known.versions == {}
    known.close()


def test_a_gate_that_is_enrolled_again_at_its_site_keeps_what_it_knows(tmp_path: Path) -> None:
    store = revoked_something(tmp_path)
    store.enrol(enrolment(), GATE_KEY, TLS.key)
    known = HeldKnowledge(store.identity(), store)
    assert known.lowest_generation(VISITOR) == 3
    known.close()


@pytest.mark.parametrize(
    "url", ["http://gate..example", "http://127.0.0.1:1/入口", "http://入口@[::1%25]/"]
)
def test_an_address_that_nothing_can_be_sent_to_says_so(tmp_path: Path, url: str) -> None:
    with pytest.raises(EnrolmentFailed, match=r"cannot be reached|url"):
        enrol(url, CODE, LocalStore(tmp_path))


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-hello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n",
    ],
)
def test_a_service_that_speaks_something_else_says_so(tmp_path: Path, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(EnrolmentFailed):
            enrol(url, CODE, LocalStore(tmp_path))
        thread.join()


def test_a_page_that_is_not_the_servers_says_so(tmp_path: Path) -> None:
    with EnrolmentServer({}) as server, pytest.raises(EnrolmentFailed, match="status 404"):
        enrol(server.url + "/elsewhere", CODE, LocalStore(tmp_path))
