"""Runs the gate as a program: from its settings to an agent that works until it is told to stop."""

import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

from access_protocol.ids import AccessPointId
from access_protocol.transport.base import Transport, Will
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.clock import GateClock, system_time
from gate_agent.eyes import shown
from gate_agent.feedback.base import Feedback, Together
from gate_agent.feedback.console import ConsoleFeedback, JsonFeedback
from gate_agent.journal import JournalUnavailable
from gate_agent.local_store import Identity, LocalStore
from gate_agent.logs import set_up_logs
from gate_agent.settings import Settings


class CannotRun(Exception):
    """Why the gate cannot start, and what to do about it."""


def run(settings: Settings, *, as_json: bool) -> None:
    """Run until SIGTERM or Ctrl-C. Raises `CannotRun` or `local_store.NotEnrolled`."""
    set_up_logs(settings.log_level, settings.log_format)
    store = LocalStore(settings.data_folder)
    identity = store.identity()
    if not settings.readers:
        raise CannotRun(
            "no readers are set: name the access point that the camera looks at, for example\n"
            '[[readers]]\naccess_point = "main-gate-in"\ncamera = "0"'
        )
    plans = [
        ReaderPlan(AccessPointId(reader.access_point), reader.source) for reader in settings.readers
    ]
    # SIGTERM and Ctrl-C only wake the main thread, which has nothing else to do.
    enough = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        enough.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    try:
        agent = Agent(
            identity,
            store,
            plans,
            feedback_for(settings, as_json=as_json),
            make_transport=_transport_maker(settings, store),
            make_clock=lambda journal: GateClock(
                battery_clock=settings.battery_clock,
                floor=lambda: journal.newest,
                forget_floor=journal.forget_newest,
            ),
            journal_kept=timedelta(days=settings.journal_days),
        )
    except JournalUnavailable as error:
        raise CannotRun(f"the journal cannot be used: {error}") from error
    agent.start()
    readers = [{"access_point": plan.point, "source": shown(str(plan.source))} for plan in plans]
    lines = JsonFeedback(now=system_time)
    lines.write("ready", gate=identity.device, online=agent.online, readers=readers)
    enough.wait()
    agent.stop()
    lines.write("stopped", gate=identity.device)


def feedback_for(settings: Settings, *, as_json: bool) -> Feedback:
    """Return the feedback that the settings ask for."""
    console = JsonFeedback() if as_json else ConsoleFeedback(settings.language)
    if settings.green_pin is settings.red_pin is settings.buzzer_pin is None:
        return console
    from gate_agent.feedback.lights import LightsFeedback  # noqa: PLC0415 - few gates have lamps

    return Together([console, LightsFeedback(settings)])


def _transport_maker(
    settings: Settings, store: LocalStore
) -> Callable[[Identity, Will], Transport]:
    def make(identity: Identity, will: Will) -> Transport:
        from access_protocol.transport.mqtt import (  # noqa: PLC0415 - tests need no broker
            BrokerAddress,
            MqttTransport,
        )

        address = BrokerAddress(
            host=settings.broker_host or identity.broker_host,
            port=settings.broker_port or identity.broker_port,
            identity=lambda: store.identity().tls,
        )
        return MqttTransport(address, identity.device, will)

    return make
