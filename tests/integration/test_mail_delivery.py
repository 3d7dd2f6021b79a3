"""Mail over a real connection to a real SMTP server, with TLS, a sign-in and refusals."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from demo.ports import free_port
from server.kernel.ids import OutboxId
from server.kernel.outbox import Outgoing, SendFailed
from server.kernel.sealing import Sealer
from server.notifications.rules import sealed
from server.notifications.smtp import MailServer, SmtpSender

NOW = datetime(2026, 4, 1, tzinfo=UTC)
SEALER = Sealer(SecretStr("a master key for tests only, long enough"))
MESSAGE = b"Subject: hello\r\n\r\nA line\r\n.\r\nafter a dot\r\n"


@dataclass
class Letterbox:
    """Keeps what it was handed; refuses whom it is told to."""

    refuses: str = ""
    kept: list[Envelope] = field(default_factory=list[Envelope])

    async def handle_RCPT(  # noqa: N802  the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.kept.append(envelope)
        return "250 kept"


StartServer = Callable[..., tuple[Letterbox, int]]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    with ExitStack() as stack:

        def start(refuses: str = "", **options: Any) -> tuple[Letterbox, int]:
            box = Letterbox(refuses)
            port = free_port()
            controller = Controller(box, hostname="127.0.0.1", port=port, **options)
            controller.start()
            stack.callback(controller.stop)
            return box, port

        yield start


@dataclass
class Certificate:
    """A certificate for 127.0.0.1 that signed itself."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(days=1))
        .not_valid_after(begin + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return Certificate(server, ssl.create_default_context(cafile=str(path)))


def a_row(body: bytes | None = None) -> Outgoing:
    return Outgoing(
        id=OutboxId("1"),
        kind="mail",
        destination="taro@example.jp",
        payload={},
        body=sealed(SEALER, MESSAGE) if body is None else body,
        reference="",
        created_at=NOW,
        deadline=None,
        attempt=1,
    )


def sender(url: str, trust: ssl.SSLContext | None = None) -> SmtpSender:
    return SmtpSender(MailServer.from_url(url), "Genkan <reception@genkan.example>", SEALER, trust)


def test_a_message_arrives_byte_for_byte(start_server: StartServer) -> None:
    box, port = start_server()
    sender(f"smtp://localhost:{port}?tls=off")(a_row())
    (kept,) = box.kept
    assert (kept.mail_from, kept.rcpt_tos) == ("reception@genkan.example", ["taro@example.jp"])
    assert kept.content == MESSAGE


def test_starttls_and_a_sign_in_protect_the_message(
    start_server: StartServer, certificate: Certificate
) -> None:
    seen: list[Any] = []

    def knows(
        _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert session.ssl is not None
        seen.append(data)
        return AuthResult(success=data == LoginPassword(b"genkan", b"p@ss:word"), handled=False)

    box, port = start_server(
        tls_context=certificate.server,
        require_starttls=True,
        authenticator=knows,
        auth_required=True,
    )
    sender(f"smtp://genkan:p%40ss%3Aword@localhost:{port}", certificate.trusting)(a_row())
    assert len(box.kept) == len(seen) == 1
    with pytest.raises(SendFailed, match="refused the sign-in") as refused:
        sender(f"smtp://genkan:wrong@localhost:{port}", certificate.trusting)(a_row())
    assert not refused.value.final


def test_tls_from_the_first_byte(start_server: StartServer, certificate: Certificate) -> None:
    box, port = start_server(server_hostname="localhost", ssl_context=certificate.server)
    sender(f"smtps://localhost:{port}", certificate.trusting)(a_row())
    assert len(box.kept) == 1


def test_a_server_with_a_strange_certificate_gets_nothing(
    start_server: StartServer, certificate: Certificate
) -> None:
    box, port = start_server(tls_context=certificate.server)
    with pytest.raises(SendFailed, match="cannot be reached"):
        sender(f"smtp://localhost:{port}")(a_row())
    assert not box.kept


def test_a_server_without_starttls_gets_nothing(start_server: StartServer) -> None:
    box, port = start_server()
    with pytest.raises(SendFailed, match="STARTTLS"):
        sender(f"smtp://localhost:{port}")(a_row())
    assert not box.kept


@pytest.mark.parametrize(
    ("answer", "final"), [("550 no such mailbox", True), ("450 try again later", False)]
)
def test_a_refused_address_is_given_up_only_where_that_is_final(
    start_server: StartServer, answer: str, *, final: bool
) -> None:
    _, port = start_server(refuses=answer)
    with pytest.raises(SendFailed, match="refused the address") as refused:
        sender(f"smtp://localhost:{port}?tls=off")(a_row())
    assert refused.value.final is final


def test_a_server_that_is_away_is_tried_again() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(SendFailed, match="cannot be reached") as failed:
            sender(f"smtp://127.0.0.1:{port}?tls=off")(a_row())
    assert not failed.value.final


def test_a_message_sealed_with_another_master_key_is_given_up() -> None:
    other = Sealer(SecretStr("another master key for tests, long enough"))
    with pytest.raises(SendFailed, match="master key") as failed:
        sender("smtp://localhost:9?tls=off")(a_row(sealed(other, MESSAGE)))
    assert failed.value.final


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "smtp://",
        "smtp://localhost:x",
        "smtp://user:password@localhost?tls=off",
        "smtps://localhost?tls=off",
        "smtp://localhost?starttls=no",
    ],
)
def test_a_url_that_names_no_safe_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"GENKAN_SMTP_URL|[Pp]ort"):
        MailServer.from_url(url)


def test_a_password_never_shows() -> None:
    server = MailServer.from_url("smtp://user:sesame@mail.example:587")
    assert (server.user, server.password) == ("user", "sesame")
    assert "sesame" not in repr(server)
