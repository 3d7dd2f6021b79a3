"""What the generated configuration lets each device do, tried topic by topic on a real Mosquitto."""

import itertools
import threading

import pytest

from access_protocol.ids import DeviceId
from access_protocol.topics import Kind, Subject
from server.devices import broker_configuration
from tests.fakes.broker_scene import DEADLINE, LAST_WORD, Scene
from tests.fakes.site import DOOR, GATE, TURNSTILE, enrol

pytestmark = pytest.mark.broker

SITES = ("TYO", "OSA")
DEVICES = (GATE, "gate-2", TURNSTILE, DOOR, "server", "live")
ADDRESSEES = (None, GATE, "gate-2", TURNSTILE, DOOR, "server")
EVERY_TOPIC = [
    "/".join(part for part in ("genkan", site, kind, device, subject, addressee) if part)
    for site, kind, device, subject, addressee in itertools.product(
        SITES, Kind, DEVICES, Subject, ADDRESSEES
    )
] + ["genkan", "genkan/TYO", "home/light", "$SYS/broker/uptime"]


def said_by(user: str) -> set[str]:
    """What a user may say, spelt out: the protocol's table, not the code that writes the rights."""
    gate, door, server = f"genkan/TYO/gate/{user}", f"genkan/TYO/controller/{user}", "server/server"
    anyone = [each for each in ADDRESSEES if each]
    match user:
        case "gate-1":
            said = {f"{gate}/status", f"{gate}/health", f"{gate}/journal/server"}
            said |= {f"{gate}/sync/server", f"{gate}/renewal/server", f"{gate}/passage"}
            said |= {f"{gate}/{what}/{to}" for what in ("ask", "command") for to in anyone}
        case "turnstile-1":
            said = {f"{door}/{what}" for what in ("status", "state", "event")}
            said |= {f"{door}/sync/server", f"{door}/renewal/server"}
            said |= {
                f"{door}/{what}/{to}" for what in ("answer", "acknowledgement") for to in anyone
            }
        case "server":
            said = {
                f"genkan/{site}/{server}/{what}" for site in SITES for what in ("status", "live")
            }
            said |= {
                f"genkan/{site}/{server}/{what}/{to}"
                for site in SITES
                for what in ("knowledge", "receipt", "keys", "certificate", "ask", "command")
                for to in anyone
            }
        case _:
            said = set[str]()
    return said


def heard_by(user: str) -> set[str]:
    """What a user may hear, spelt out."""
    addressed = {
        topic for topic in EVERY_TOPIC if topic.count("/") == 5 and topic.endswith(f"/{user}")
    }
    at_home = {topic for topic in addressed if topic.startswith("genkan/TYO/")}
    doors = {
        topic
        for topic in EVERY_TOPIC
        if topic.startswith("genkan/TYO/controller/")
        and topic.rsplit("/", 1)[-1] in ("status", "state", "event")
        and topic.count("/") == 4
    }
    greeting = {"genkan/TYO/server/server/status"}
    match user:
        case "gate-1":
            passages = {
                topic
                for topic in EVERY_TOPIC
                if topic.startswith("genkan/TYO/gate/") and topic.endswith("/passage")
            }
            return at_home | doors | greeting | passages
        case "turnstile-1":
            return at_home | greeting
        case "live":
            return {f"genkan/{site}/server/{device}/live" for site in SITES for device in DEVICES}
        case _:
            raise AssertionError(user)


@pytest.mark.parametrize("user", ["gate-1", "turnstile-1", "server"])
def test_a_user_writes_its_own_subjects_and_no_other_topic(scene: Scene, user: str) -> None:
    witness = scene.join("witness", hears="#").here()
    writer = scene.join(user).here()
    # A connection of which the broker takes nothing at all begins anew.
    writer.say(min(said_by(user)))
    for topic in EVERY_TOPIC:
        if not topic.startswith("$"):
            writer.say(topic)
    # Messages of one connection keep their order: what could come, came before the last word.
    writer.say(min(said_by(user)), LAST_WORD)
    assert witness.ended.wait(DEADLINE)
    assert witness.heard == said_by(user)


def test_who_comes_before_the_broker_knows_their_rights_is_heard_once_it_does(scene: Scene) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    newcomer = scene.join("gate-9", enrol(scene.office, DeviceId("gate-9"), Kind.GATE).tls).here()
    lost = threading.Event()
    newcomer.transport.on_connection(lambda there: None if there else lost.set())
    status = "genkan/TYO/gate/gate-9/status"
    # As the programs do: that a device is there is told once at the beginning of each connection.
    newcomer.transport.on_connection(lambda there: newcomer.say(status) if there else None)
    newcomer.transport.reconnect()
    assert lost.wait(DEADLINE)
    lost.clear()
    assert lost.wait(DEADLINE)
    scene.reload()
    witness.hears(status)
    assert lost


def test_the_live_process_writes_nothing(scene: Scene) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    live = "genkan/TYO/server/server/live"
    assert witness.transport.publish(live, b"kept", retain=True)
    witness.hears(live)
    writer = scene.join("live").here()
    for topic in ("genkan/OSA/server/server/live", "genkan/TYO/server/server/command/gate-1"):
        writer.say(topic)
    # The broker takes a connection's packets in their order: once it answers this, it has refused those.
    heard = threading.Event()
    writer.transport.subscribe(live, lambda _message: heard.set())
    assert heard.wait(DEADLINE)
    witness.say("genkan/TYO/end", LAST_WORD)
    assert witness.ended.wait(DEADLINE)
    assert witness.heard == {live, "genkan/TYO/end"}


@pytest.mark.parametrize("user", ["gate-1", "turnstile-1", "live"])
def test_a_user_hears_what_is_for_it_and_no_other_topic(scene: Scene, user: str) -> None:
    reader = scene.join(user, hears="#").here()
    author = scene.join("witness").here()
    for topic in EVERY_TOPIC:
        if not topic.startswith("$"):
            author.say(topic)
    for topic in sorted(heard_by(user)):
        reader.hears(topic)
    assert reader.heard == heard_by(user)


def test_a_device_cannot_push_another_off_by_its_name(scene: Scene) -> None:
    witness = scene.join("witness", hears="genkan/#").here()
    door = scene.join(TURNSTILE, client_id=TURNSTILE).here()
    lost = threading.Event()
    door.transport.on_connection(lambda there: None if there else lost.set())
    scene.join("gate-1", client_id=TURNSTILE).here()
    # What the door says after that still comes over the connection that it had before.
    event = f"genkan/TYO/controller/{TURNSTILE}/event"
    door.say(event)
    witness.hears(event)
    assert not lost.is_set()
    # Who has the door's own key replaces it, as the door itself does after a power cut.
    scene.join(TURNSTILE, client_id=TURNSTILE)
    assert lost.wait(DEADLINE)


def test_the_files_are_the_same_until_something_changes(scene: Scene) -> None:
    broker_configuration.write(scene.files())
    assert not broker_configuration.write(scene.files())
    enrol(scene.office, DeviceId("gate-2"), Kind.GATE)
    assert broker_configuration.write(scene.files())
