"""The least of a site that a gate needs: a real broker, somebody who knows, and a turnstile process."""

import json
import os
import shutil
import sys
import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import msgspec

from access_protocol import codec, credential, documents, enrolment, knowledge, topics
from access_protocol.certificates import TlsIdentity, requested_key
from access_protocol.commands import Action
from access_protocol.credential import Credential, CredentialClass
from access_protocol.documents import Document, DocumentKind
from access_protocol.enrolment import Enrolment, EnrolmentRequest
from access_protocol.events import (
    ControllerEvent,
    EventReceipt,
    JournalBatch,
    Receipt,
    SyncRequest,
)
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import KeyRing, RingKey, SigningKey
from access_protocol.knowledge import AccessPoint, Direction, Obeyed, Policy, TimeAnswer
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from bench.result import Skipped
from demo.ports import free_port
from demo.program import StartedProcess
from server.devices import authority
from server.devices.authority import Authority

ROOT = Path(__file__).parents[1]
SITE = SiteCode("TYO")
GATE, TURNSTILE = DeviceId("gate-1"), DeviceId("turnstile-1")
ENTRANCE, OFFICE = AccessPointId("main-gate-in"), ZoneNumber(2)
AUTHORITY, ISSUER, GATE_KEY = (SigningKey(letter * 32) for letter in (b"A", b"I", b"G"))
CODE = "ABCD-EFGH-2345-67IJ"
_DAY = timedelta(days=1)


def static_text(number: int) -> str:
    """The text of a static credential that opens the entrance now; each number is a visitor."""
    now = datetime.now(UTC).replace(microsecond=0)
    claims = Credential(
        id=CredentialId(number.to_bytes(16, "big")),
        site=SITE,
        not_before=now - _DAY,
        expires=now + _DAY,
        credential_class=CredentialClass.STATIC,
        generation=0,
        zones=(OFFICE,),
    )
    return credential.to_text(credential.issue(claims, ISSUER))


def issuers() -> KeyRing:
    """The ring that holds the issuer's key."""
    now = datetime.now(UTC)
    return KeyRing([RingKey(ISSUER.public, now - _DAY, now + _DAY)])


def entrance() -> AccessPoint:
    """The access point of the turnstile."""
    return AccessPoint(
        id=ENTRANCE,
        portal=PortalId("main-gate"),
        controller=TURNSTILE,
        zone=OFFICE,
        direction=Direction.IN,
        classes=frozenset({CredentialClass.STATIC}),
        pulse=timedelta(seconds=3),
    )


def _bodies() -> dict[DocumentKind, bytes]:
    obeyed = (Obeyed(GATE, GATE_KEY.public, frozenset({Action.UNLOCK})),)
    return {
        DocumentKind.KEYS: knowledge.write_keys(issuers()),
        DocumentKind.POLICY: knowledge.write_policy(Policy({ENTRANCE: entrance()})),
        DocumentKind.KEY_LIST: knowledge.write_key_list(obeyed),
    }


class SmallSite:
    """A broker, and one who answers sync requests, journals and enrolments. Raises `Skipped`."""

    def __init__(self) -> None:
        """Nothing is started before it is entered."""
        self.folder = Path(tempfile.mkdtemp(prefix="genkan-site-"))
        self.port = free_port()
        self._open = ExitStack()
        self._bodies = _bodies()
        self._authority = Authority.new(datetime.now(UTC))
        self._identities: dict[str, TlsIdentity] = {}

    def __enter__(self) -> Self:
        """Start the broker and whoever answers."""
        self._open.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.start_broker()
        self._server = self.transport(SERVER)
        for kind in (Kind.GATE, Kind.CONTROLLER):
            self._server.subscribe(topics.to_all(kind, Subject.SYNC, SERVER), self._answer)
        self._server.subscribe(topics.to_all(Kind.GATE, Subject.JOURNAL, SERVER), self._receipt)
        events = topics.of_all(SITE, Kind.CONTROLLER, Subject.EVENT)
        self._server.subscribe(events, self._event_receipt)
        connected = threading.Event()
        self._server.on_connection(lambda there: connected.set() if there else None)
        self._server.start()
        self._open.callback(self._server.stop)
        if not connected.wait(20):
            raise Skipped("the broker did not answer")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._open.close()

    def transport(self, name: str) -> MqttTransport:
        """A connection to the broker, not started yet."""
        identity = self.identity(name)
        return MqttTransport(BrokerAddress("127.0.0.1", self.port, lambda: identity), name)

    def identity(self, name: str) -> TlsIdentity:
        """Key and certificate of somebody on this site; the same each time."""
        if name not in self._identities:
            self._identities[name] = self._authority.for_own_process(name, datetime.now(UTC))
        return self._identities[name]

    def enrolment(self, kind: Kind, device: DeviceId) -> Enrolment:
        """What a device of this site gets when it enrols."""
        return Enrolment(
            site=SITE,
            kind="gate" if kind is Kind.GATE else "controller",
            device=device,
            broker_host="127.0.0.1",
            broker_port=self.port,
            certificate=self.identity(device).certificate,
            certificate_authority=self._authority.certificate,
            authority=(AUTHORITY.public,),
        )

    def start_turnstile(self, *options: str) -> StartedProcess:
        """Start the simulated turnstile as a process and wait until it obeys the gate."""
        told = self.enrolment(Kind.CONTROLLER, TURNSTILE)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _enrolling(told, self._authority))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        state = self.folder / "turnstile"
        command = [sys.executable, "-m", "firmware_sim", "turnstile", "--id", TURNSTILE]
        command += ["--state-folder", str(state), "--code", CODE, *options]
        command += ["--enrol-url", f"http://127.0.0.1:{server.server_port}"]
        try:
            process = StartedProcess(
                command, ready="keys 1 1", folder=ROOT, environment=unbuffered()
            )
        finally:
            server.shutdown()
            server.server_close()
        self._open.callback(process.stop)
        return process

    def start_broker(self) -> None:
        """Start the broker, on the same port as before where it died."""
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise Skipped("mosquitto is not installed")
        own = self._authority.for_broker(["127.0.0.1"], datetime.now(UTC))
        files = {
            "cafile": authority.pem_certificate(self._authority.certificate),
            "certfile": authority.pem_certificate(own.certificate),
            "keyfile": authority.pem_key(own.key),
        }
        for setting, text in files.items():
            (self.folder / setting).write_text(text)
        lines = [
            f"listener {self.port} 127.0.0.1",
            *(f"{setting} {self.folder / setting}" for setting in files),
            "require_certificate true",
            "use_identity_as_username true",
            "allow_anonymous true",
            "set_tcp_nodelay true",
            "persistence false",
            "log_type all",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(lines) + "\n")
        self.broker = StartedProcess([program, "-c", configuration], ready=" running")
        self._open.callback(self.broker.stop)

    def _answer(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        request = codec.decode(SyncRequest, message.payload)
        held, now = request.held, datetime.now(UTC)
        of_controllers = topic.kind is Kind.CONTROLLER
        subject = Subject.KEYS if of_controllers else Subject.KNOWLEDGE
        for kind, body in self._bodies.items():
            if (kind is DocumentKind.KEY_LIST) == of_controllers and held.get(kind, 0) < 1:
                document = Document(kind, SITE, topic.device, 1, now, body)
                self._publish(subject, topic.device, documents.seal(document, AUTHORITY))
        if request.nonce is not None:
            body = knowledge.write_time(TimeAnswer(request.nonce, {"keys": 1, "policy": 1}))
            document = Document(
                DocumentKind.TIME, SITE, topic.device, int(now.timestamp()), now, body
            )
            self._publish(subject, topic.device, documents.seal(document, AUTHORITY))

    def _receipt(self, message: Message) -> None:
        batch = codec.decode(JournalBatch, message.payload)
        receipt = Receipt(journal=batch.journal, sequence=batch.entries[-1].sequence)
        device = topics.parse(message.topic).device
        self._publish(Subject.RECEIPT, device, codec.encode(receipt))

    def _event_receipt(self, message: Message) -> None:
        event = codec.decode(ControllerEvent, message.payload)
        receipt = EventReceipt(boot=event.boot, sequence=event.sequence)
        device = topics.parse(message.topic).device
        self._publish(Subject.RECEIPT, device, codec.encode(receipt))

    def _publish(self, subject: Subject, device: DeviceId, payload: bytes) -> None:
        topic = topics.build(SITE, Kind.SERVER, SERVER, subject, device)
        self._server.publish(topic, payload)


def unbuffered() -> dict[str, str]:
    """The environment for a program whose lines are waited for."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def gate_settings(folder: Path, camera: str) -> Path:
    """Write the settings of a gate at the entrance, and return the file."""
    file = folder / "gate.toml"
    lines = [
        f"data_folder = {json.dumps(str(folder / 'gate'))}",
        'language = "en"',
        "battery_clock = true",
        "[[readers]]",
        f'access_point = "{ENTRANCE}"',
        f"camera = {json.dumps(camera)}",
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _enrolling(told: Enrolment, made: Authority) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = codec.decode(EnrolmentRequest, body)
            key, now = requested_key(asked.csr), datetime.now(UTC)
            certificate = made.for_client(told.device, key, 1, now)
            enrolled = msgspec.structs.replace(told, certificate=certificate)
            sealed = enrolment.answer(enrolled, asked, enrolment.code_key(CODE), AUTHORITY)
            answer = codec.encode(sealed)
            self.send_response(201)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
