"""HTTPS of our own, over real connections: who is believed, who is not, and what plain HTTP still gives."""

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SOCK_DGRAM

import httpx
import pytest
from cryptography import x509

from access_protocol.certificates import TlsIdentity
from demo.ports import free_port
from demo.program import StartedProcess
from server.app import create_office
from server.devices.authority import Authority, pem_certificate, pem_key
from server.kernel import schema
from server.kernel.settings import Settings
from server.processes import tls

HERE = Path(__file__).parents[3]
NOW = datetime.now(UTC)
LAN = "127.0.0.1"
"""Stands for the machine's address in the local network: pages are reached by an address and not by a name."""


CONSTRAINED = {47, 48}
"""OpenSSL: "permitted subtree violation" and "excluded subtree violation"."""


@dataclass(frozen=True)
class Served:
    """A server with `web_tls=own` as it runs on its own machine."""

    url: str
    live: str
    plain: str
    root: Path
    environment: dict[str, str]

    def verifying(self) -> ssl.SSLContext:
        """What a phone that trusts the root, and nothing else, does."""
        return ssl.create_default_context(cafile=str(self.root))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("https")
    web, live, plain, broker = (free_port() for _ in range(4))
    ours = {
        "GENKAN_DEMO": "true",
        "GENKAN_DATA_FOLDER": str(folder),
        "GENKAN_BASE_URL": f"https://{LAN}:{web}",
        "GENKAN_LIVE_URL": f"https://{LAN}:{live}",
        "GENKAN_WEB_TLS": "own",
        "GENKAN_WEB_NAMES": "localhost",
        "GENKAN_WEB_PORT": str(web),
        "GENKAN_LIVE_PORT": str(live),
        "GENKAN_PLAIN_PORT": str(plain),
        "GENKAN_BROKER_PORT": str(broker),
        "GENKAN_WORKER_WAKE": f"127.0.0.1:{free_port(SOCK_DGRAM)}",
    }
    environment = os.environ | ours
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        demo=True,
        data_folder=folder,
    )
    office = create_office(settings)
    schema.migrate(office.engine)
    office.close()
    running = StartedProcess(
        [sys.executable, "-m", "server", "serve"],
        ready="Genkan is ready",
        environment=environment,
        folder=HERE,
    )
    yield Served(
        f"https://{LAN}:{web}",
        f"https://{LAN}:{live}",
        f"http://{LAN}:{plain}",
        folder / tls.FOLDER / tls.ROOT,
        environment,
    )
    running.stop()


def test_who_trusts_the_root_gets_pages_with_cookies_for_https_only(served: Served) -> None:
    answer = httpx.get(f"{served.url}/panel/sign-in", verify=served.verifying())
    assert answer.status_code == 200
    assert "; Secure" in answer.headers["Set-Cookie"]
    # A phone that does not trust us yet must be able to come by plain HTTP.
    assert "Strict-Transport-Security" not in answer.headers


def test_the_event_streams_are_served_over_the_same_https(served: Served) -> None:
    assert httpx.get(f"{served.live}/health", verify=served.verifying()).text == "ok"
    assert httpx.get(f"{served.live}/live", verify=served.verifying()).status_code == 401


def test_a_further_name_of_the_server_counts_and_another_does_not(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    with (
        socket.create_connection((LAN, port), 5) as plain,
        served.verifying().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}
    with (
        socket.create_connection((LAN, port), 5) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        served.verifying().wrap_socket(plain, server_hostname="genkan.example")


def test_who_does_not_trust_the_root_is_warned(served: Served) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(served.url)


def test_old_tls_is_refused(served: Served) -> None:
    context = served.verifying()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    port = int(served.url.rpartition(":")[2])
    with socket.create_connection((LAN, port), 5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_plain_http_says_how_to_trust_and_gives_the_root(served: Served) -> None:
    page = httpx.get(f"{served.plain}/trust", headers={"User-Agent": "Mozilla/5.0 (iPhone)"})
    assert page.status_code == 200
    assert page.text.index("<summary>iPhone, iPad") < page.text.index("<summary>Android")
    given = httpx.get(f"{served.plain}/trust/genkan-root.crt")
    assert given.headers["Content-Type"] == "application/x-x509-ca-cert"
    assert pem_certificate(given.content) == served.root.read_text("ascii")
    shown = tls.fingerprint(given.content).replace(":", "")
    assert f"<span>{shown[:4]}</span> <span>{shown[4:8]}</span>" in page.text
    assert httpx.get(f"{served.plain}/static/genkan.css").status_code == 200


@pytest.mark.parametrize("path", ["/", "/v/some-link?step=2", "/api/v1/me", "//example.org/"])
def test_plain_http_sends_everything_else_to_https(served: Served, path: str) -> None:
    answer = httpx.get(f"{served.plain}{path}")
    assert answer.status_code == 308
    assert answer.headers["Location"].startswith(f"{served.url}/")


def test_plain_http_takes_no_password(served: Served) -> None:
    answer = httpx.post(f"{served.plain}/panel/sign-in", data={"password": "secret"})
    assert answer.status_code == 308


def test_the_command_prints_the_root_that_is_served(served: Served) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "server", "trust"],
        env=served.environment,
        cwd=HERE,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.decode() == served.root.read_text("ascii")
    assert tls.fingerprint(ssl.PEM_cert_to_DER_cert(said.stdout.decode())) in said.stderr.decode()


def _believed(authority: Authority, shown: TlsIdentity, host: str) -> bool:
    """Tell whether OpenSSL, trusting the authority, takes what is shown for the host."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_into(server)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_code not in CONSTRAINED
        if ours.version() and ours.getpeercert():
            return True
    raise AssertionError("the handshake came to no end")


@pytest.mark.parametrize(
    ("for_hosts", "host", "believed"),
    [
        (["192.168.1.5"], "192.168.1.5", True),
        (["192.168.1.5"], "192.168.1.6", False),
        (["192.168.1.5"], "2001:db8::1", False),
        (["192.168.1.5"], "bank.example", False),
        (["genkan.example"], "genkan.example", True),
        (["genkan.example"], "bank.example", False),
        (["genkan.example"], "192.168.1.5", False),
        (["genkan.example"], "2001:db8::1", False),
        (["2001:db8::1"], "2001:db8::1", True),
        (["2001:db8::1"], "2001:db8::2", False),
        (["2001:db8::1"], "192.168.1.5", False),
        (["genkan.example", "192.168.1.5"], "192.168.1.5", True),
        (["genkan.example", "192.168.1.5"], "bank.example", False),
    ],
)
def test_the_root_vouches_for_its_own_hosts_and_nothing_else(
    for_hosts: list[str], host: str, *, believed: bool
) -> None:
    made = Authority.for_website(for_hosts, NOW)
    assert _believed(made, made.for_web([host], NOW), host) is believed


def test_a_certificate_lasts_no_longer_than_phones_allow() -> None:
    made = Authority.for_website(["192.168.1.5"], NOW).for_web(["192.168.1.5"], NOW)
    read = x509.load_der_x509_certificate(made.certificate)
    assert read.not_valid_after_utc - read.not_valid_before_utc <= timedelta(days=397)


def _own(folder: Path, names: str) -> bytes:
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        demo=True,
        data_folder=folder,
        base_url="https://192.168.1.5:8443",  # pyright: ignore[reportArgumentType]
        live_url="https://192.168.1.5:8444",  # pyright: ignore[reportArgumentType]
        web_tls="own",
        web_names=names,
    )
    office = create_office(settings)
    schema.migrate(office.engine)
    office.close()
    return tls.root(settings)


def test_the_root_stays_while_the_names_do_and_is_made_anew_when_they_change(
    tmp_path: Path,
) -> None:
    first = _own(tmp_path, "")
    assert _own(tmp_path, "") == first
    other = _own(tmp_path, "genkan.example")
    assert other != first
    assert _own(tmp_path, "genkan.example") == other


def test_files_that_do_not_belong_together_are_refused_with_what_to_do(tmp_path: Path) -> None:
    made = Authority.for_website(["genkan.example"], NOW)
    one, other = (made.for_web(["genkan.example"], NOW) for _ in range(2))
    (tmp_path / "certificate.pem").write_text(pem_certificate(one.certificate))
    (tmp_path / "key.pem").write_text(pem_key(other.key))
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue]
        demo=True,
        data_folder=tmp_path,
        base_url="https://genkan.example",  # pyright: ignore[reportArgumentType]
        live_url="https://genkan.example:8081",  # pyright: ignore[reportArgumentType]
        web_tls="files",
        web_certificate=tmp_path / "certificate.pem",
        web_key=tmp_path / "key.pem",
    )
    with pytest.raises(tls.NoCertificate, match="belong together"):
        tls.prepare(settings, "web")
    (tmp_path / "key.pem").write_text(pem_key(one.key))
    assert tls.prepare(settings, "web") is not None


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"web_tls": "own"}, "GENKAN_BASE_URL"),
        ({"web_tls": "own", "base_url": "https://a.example"}, "GENKAN_LIVE_URL"),
        (
            {"web_tls": "files", "base_url": "https://a.example", "live_url": "https://a.example"},
            "GENKAN_WEB_CERTIFICATE",
        ),
    ],
)
def test_settings_that_cannot_serve_https_are_named(
    tmp_path: Path, wrong: dict[str, str], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        Settings.model_validate({"demo": True, "data_folder": tmp_path} | wrong)
