"""Who gets a connection to the broker, and what a stolen certificate is still good for, on a real Mosquitto."""

import os
import queue
import socket
import ssl
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from access_protocol.certificates import (
    TlsIdentity,
    UnusableCertificateError,
    new_key,
    request_for,
    requested_key,
)
from access_protocol.ids import DeviceId
from access_protocol.topics import Kind
from access_protocol.transport.base import Will
from access_protocol.transport.mqtt import MqttTransport
from server.devices import actions, broker_configuration
from server.devices.authority import BROKER_LIFE, Authority, hosts_of
from server.kernel.clock import FixedClock
from tests.fakes.broker_scene import DEADLINE, LAST_WORD, Client, Scene
from tests.fakes.site import GATE, SYSTEM, TURNSTILE, enrol, enrol_again
from tests.services.broker import Broker

pytestmark = pytest.mark.broker

STATUS, HEALTH = f"genkan/TYO/gate/{GATE}/status", f"genkan/TYO/gate/{GATE}/health"
COMMAND = f"genkan/TYO/gate/{GATE}/command/{TURNSTILE}"
KNOWLEDGE = f"genkan/TYO/server/server/knowledge/{GATE}"
NOW = datetime.now(UTC)
End = Callable[[Scene], object]


def signed_by(authority: Authority, name: str, at: datetime, believes: bytes) -> TlsIdentity:
    key = new_key()
    public = requested_key(request_for(key))
    return TlsIdentity(authority.for_client(name, public, 77, at), key, believes)


def is_refused(scene: Scene, client: Client) -> bool:
    """Whether the broker turned a client away; it logs that without its name, so one at a time."""
    scene.process.wait_for_line("failed", within=DEADLINE, after=scene.seen)
    return not client.connected.is_set()


def own_word(scene: Scene) -> None:
    """What the broker was told before this, it has dealt with after it."""
    witness = scene.join("witness", hears="genkan/OSA/#").here()
    witness.say("genkan/OSA/end", LAST_WORD)
    assert witness.ended.wait(DEADLINE)


def strangers(scene: Scene) -> dict[str, TlsIdentity]:
    own = scene.authority
    return {
        "a stranger's authority": signed_by(
            Authority.new(NOW), "gate-1.1", NOW, believes=own.certificate
        ),
        "a certificate that has ended": signed_by(
            own, "gate-1.1", NOW - timedelta(days=91), believes=own.certificate
        ),
        "the broker's own certificate": own.for_broker(["127.0.0.1"], NOW),
    }


@pytest.mark.parametrize(
    "who",
    ["a stranger's authority", "a certificate that has ended", "the broker's own certificate"],
)
def test_nobody_gets_in_with(scene: Scene, who: str) -> None:
    known = scene.join("gate-1").here()
    assert is_refused(scene, scene.join("gate-1", strangers(scene)[who]))
    assert known.connected.is_set()


def test_nobody_gets_in_without_a_certificate_or_without_tls(scene: Scene) -> None:
    address = ("127.0.0.1", scene.settings.broker_port)
    context = ssl.create_default_context(cadata=scene.authority.certificate)
    with (
        socket.create_connection(address, DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
        pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"),
    ):
        wrapped.recv(1)
    with socket.create_connection(address, DEADLINE) as plain:
        plain.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc")
        assert not answered(plain)


def answered(plain: socket.socket) -> bool:
    """Whether anything but a TLS alert comes back before the connection is closed."""
    try:
        return plain.recv(1) not in (b"", b"\x15")
    except ConnectionResetError:
        return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_outdated_tls_is_refused(scene: Scene, version: ssl.TLSVersion) -> None:
    context = scene.identities["gate-1"].context()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", scene.settings.broker_port), DEADLINE) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_a_device_believes_no_broker_of_another_authority_or_for_another_name(
    broker: Broker, scene: Scene
) -> None:
    ours = scene.identities["gate-1"].context()
    for port, name, why in (
        (broker.port, "localhost", "verify failed"),
        (scene.settings.broker_port, "elsewhere.example", "Hostname mismatch"),
    ):
        with (
            socket.create_connection(("127.0.0.1", port), DEADLINE) as plain,
            pytest.raises(ssl.SSLCertVerificationError, match=why),
        ):
            ours.wrap_socket(plain, server_hostname=name)


def revoked(scene: Scene) -> object:
    with scene.office.begin(SYSTEM) as work:
        actions.revoke(work, GATE)
    return None


def enrolled_again(scene: Scene) -> object:
    return enrol_again(scene.office, GATE)


def registered_anew(scene: Scene) -> object:
    revoked(scene)
    return enrol(scene.office, GATE, Kind.GATE)


@pytest.mark.parametrize("ended_by", [revoked, enrolled_again, registered_anew])
def test_a_stolen_certificate_reaches_nothing_over_the_connection_it_has(
    scene: Scene, ended_by: End
) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    thief = scene.join(GATE, hears="#", will=Will(STATUS, b"forged will")).here()
    thief.say(HEALTH)
    witness.hears(HEALTH)
    witness.heard.clear()
    ended_by(scene)
    scene.reload()
    for topic in (STATUS, HEALTH, COMMAND, f"genkan/TYO/gate/{GATE}/sync/server"):
        thief.say(topic)
    witness.say(KNOWLEDGE)
    witness.hears(KNOWLEDGE)
    # Its last will is refused as well, and it does not come back.
    after = len(scene.process.lines)
    thief.transport.drop()
    scene.process.wait_for_line("verify failed", within=DEADLINE, after=after)
    own_word(scene)
    assert witness.heard - {"genkan/OSA/end"} == {KNOWLEDGE}
    assert KNOWLEDGE not in thief.heard
    assert not thief.connected.is_set()


@pytest.mark.parametrize("ended_by", [revoked, enrolled_again, registered_anew])
def test_a_stolen_certificate_gets_no_new_connection(scene: Scene, ended_by: End) -> None:
    ended_by(scene)
    scene.reload()
    scene.look()
    assert is_refused(scene, scene.join(GATE))


def test_two_certificates_revoked_within_one_second_are_both_refused(scene: Scene) -> None:
    """Of two lists the broker believes the later one, and a list's time has whole seconds only."""
    for device in (GATE, TURNSTILE):
        with scene.office.begin(SYSTEM) as work:
            actions.revoke(work, device)
        scene.reload()
    for device in (GATE, TURNSTILE):
        scene.look()
        assert is_refused(scene, scene.join(device))


def test_who_was_enrolled_again_is_let_in_at_once_before_the_broker_has_read_its_rights(
    scene: Scene,
) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    again = enrol_again(scene.office, GATE)
    gate = scene.join(GATE, again.tls, hears="#").here()
    gate.say(HEALTH)
    witness.hears(HEALTH)
    witness.say(KNOWLEDGE)
    gate.hears(KNOWLEDGE)


def test_a_device_that_was_registered_later_is_let_in_without_a_restart(scene: Scene) -> None:
    known = scene.join("gate-1").here()
    other = enrol(scene.office, DeviceId("gate-2"), Kind.GATE)
    scene.reload()
    witness = scene.join("witness", hears="genkan/#").here()
    scene.join("gate-2", other.tls).here().say("genkan/TYO/gate/gate-2/health")
    witness.hears("genkan/TYO/gate/gate-2/health")
    assert known.connected.is_set()


def test_a_good_certificate_for_a_name_that_nobody_knows_reaches_nothing(scene: Scene) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    nobody = scene.join("gate-1", scene.authority.for_own_process("gate-1", NOW), hears="#").here()
    nobody.say(HEALTH)
    witness.say(KNOWLEDGE)
    witness.hears(KNOWLEDGE)
    assert witness.heard == {KNOWLEDGE}
    assert not nobody.heard


def test_a_device_certificate_under_another_ones_client_id_pushes_nobody_off(scene: Scene) -> None:
    door = scene.join(TURNSTILE, client_id=TURNSTILE).here()
    lost = scene.losses(door)
    scene.join(GATE, client_id=TURNSTILE).here()
    scene.join("witness", hears="genkan/#").here()
    assert not lost


def test_a_message_that_is_too_large_is_not_carried_and_hurts_nobody_else(scene: Scene) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    door = scene.join(TURNSTILE).here()
    largest = broker_configuration.LARGEST_MESSAGE
    # The broker may end the connection while the message is still on its way.
    with raw_connection(scene, GATE) as wrapped, suppress(ssl.SSLEOFError, ConnectionError):
        wrapped.sendall(packet(0x30, written(HEALTH) + b"\0" + b"x" * (largest + 2048)))
        assert wrapped.recv(1) in (b"", b"\xe0")  # closed, or DISCONNECT
    event = f"genkan/TYO/controller/{TURNSTILE}/event"
    door.say(event)
    witness.hears(event)
    # Our own transport sees beforehand that the broker would not take it, and keeps its connection.
    gate = scene.join(GATE).here()
    assert not gate.transport.publish(HEALTH, b"x" * (largest + 2048))
    gate.say(STATUS, b"x" * largest)
    witness.hears(STATUS)
    assert HEALTH not in witness.heard


@contextmanager
def raw_connection(scene: Scene, user: str) -> Generator[ssl.SSLSocket]:
    """MQTT 5 by hand: connected, and nothing sent yet."""
    address = ("127.0.0.1", scene.settings.broker_port)
    context = scene.identities[user].context()
    with (
        socket.create_connection(address, DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        wrapped.sendall(packet(0x10, written("MQTT") + b"\5\2\0\x3c\0" + written("by-hand")))
        head = wrapped.recv(2)
        assert head[0] == 0x20
        wrapped.recv(head[1])
        yield wrapped


def packet(kind: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([kind]) + length + body


def written(text: str) -> bytes:
    return len(text).to_bytes(2) + text.encode()


def test_a_command_that_was_left_retained_does_not_reach_a_door_that_comes_later(
    scene: Scene,
) -> None:
    """The broker cannot tell it from another message; a door asks for none that is retained."""
    gate = scene.join(GATE).here()
    gate.transport.publish(COMMAND, b"open", retain=True)
    own_word(scene)
    heard: queue.Queue[str] = queue.Queue()
    door = MqttTransport(scene.address(TURNSTILE), TURNSTILE)
    door.subscribe_without_retained(
        f"genkan/TYO/+/+/+/{TURNSTILE}", lambda message: heard.put(message.topic)
    )
    scene.run(door)
    keys = f"genkan/TYO/server/server/keys/{TURNSTILE}"
    scene.join("witness").here().say(keys)
    assert heard.get(timeout=DEADLINE) == keys


def test_the_brokers_certificate_is_renewed_before_it_ends_and_nobody_is_cut(scene: Scene) -> None:
    gate = scene.join(GATE).here()
    lost = scene.losses(gate)
    before = served(scene)
    clock = scene.office.clock
    assert isinstance(clock, FixedClock)
    clock.advance(BROKER_LIFE * 2 / 3 + timedelta(minutes=1))
    scene.reload()
    after = served(scene)
    assert after != before
    held = scene.settings.data_folder / "broker" / broker_configuration.CERTIFICATE
    assert scene.files().contents[broker_configuration.CERTIFICATE] == held.read_text()
    assert not lost


def test_the_brokers_certificate_is_made_anew_where_it_gets_another_name(scene: Scene) -> None:
    assert "gate.example" not in hosts_of(served(scene))
    scene.office.settings = scene.settings.model_copy(
        update={"broker_names": "gate.example,192.0.2.7"}
    )
    scene.reload()
    assert {"gate.example", "192.0.2.7", "localhost"} <= set(hosts_of(served(scene)))


def test_private_keys_are_readable_by_their_owner_only(scene: Scene) -> None:
    folder = scene.settings.data_folder / "broker"
    assert (folder / broker_configuration.KEY).stat().st_mode & 0o777 == 0o600


def test_keys_for_tls_are_never_written_to_a_disk(tmp_path: Path) -> None:
    identity = Authority.new(NOW).for_own_process("server", NOW)
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(tmp_path)
    try:
        identity.context()
    finally:
        os.environ.pop("TMPDIR")
        if before is not None:
            os.environ["TMPDIR"] = before
    assert not list(tmp_path.iterdir())


def test_parts_that_do_not_belong_together_are_no_identity() -> None:
    one, other = Authority.new(NOW), Authority.new(NOW)
    good = one.for_own_process("gate-1.1", NOW)
    assert good.check() is good
    with pytest.raises(UnusableCertificateError, match="another key"):
        TlsIdentity(good.certificate, new_key(), good.authority).check()
    with pytest.raises(UnusableCertificateError, match="not one of this authority"):
        TlsIdentity(good.certificate, good.key, other.certificate).check()
    with pytest.raises(UnusableCertificateError, match="not a certificate"):
        TlsIdentity(b"\x30\x00", good.key, good.authority).check()


def served(scene: Scene) -> bytes:
    """The certificate (DER) that the broker shows to who connects now."""
    context = scene.identities[GATE].context()
    address = ("127.0.0.1", scene.settings.broker_port)
    with (
        socket.create_connection(address, DEADLINE) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True) or b""
