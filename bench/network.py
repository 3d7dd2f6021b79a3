"""What a bare message there and back over a site's broker costs: the part that no program of ours can save."""

import queue
import threading
import time

from access_protocol.transport.mqtt import MqttTransport
from bench.site import SmallSite

ROUND_TRIPS = 300
_COMMAND_BYTES = 180
_WITHIN_S = 10.0


def round_trips_ms(site: SmallSite) -> list[float]:
    """Bare messages there and back over the site's broker, QoS 1, of the size of a command."""
    near, far = site.transport("near"), site.transport("far")
    back: queue.Queue[float] = queue.Queue()
    far.subscribe("there", lambda message: _send(far, "back", message.payload))
    near.subscribe("back", lambda _: back.put(time.perf_counter()))
    for end in (near, far):
        connected = threading.Event()
        end.on_connection(lambda there, told=connected: told.set() if there else None)
        end.start()
        connected.wait(_WITHIN_S)
    samples: list[float] = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        _send(near, "there", bytes(_COMMAND_BYTES))
        samples.append((back.get(timeout=_WITHIN_S) - began) * 1000)
    near.stop()
    far.stop()
    return samples


def _send(transport: MqttTransport, topic: str, payload: bytes) -> None:
    transport.publish(topic, payload)
