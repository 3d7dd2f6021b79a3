"""Runs the gate as a program: from its settings to an agent that works until it is told to stop."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

from access_protocol.ids import AccessPointId
from access_protocol.transport.base import Transport, Will
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.clock import GateClock, system_time
from gate_agent.display.board import DisplayFeedback
from gate_agent.display.entrance import AT_A_MACHINE, Showing, showing
from gate_agent.display.screens import Standing
from gate_agent.display.server import DisplayOptions, DisplayServer, DisplayUnavailable
from gate_agent.enrolling import WaitForCode
from gate_agent.eyes import shown
from gate_agent.feedback.base import Feedback, Together
from gate_agent.feedback.console import ConsoleFeedback, JsonFeedback
from gate_agent.journal import JournalUnavailable
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import Identity, LocalStore, NotEnrolled
from gate_agent.logs import Log, set_up_logs
from gate_agent.settings import Settings, from_text
from gate_agent.supervisor import Supervisor

LOOK_EVERY_S = 1.0
UNNAMED = AccessPointId("reader")
"""What the only reader is called before the server's policy names its access point."""

CANNOT_RUN = 2
"""The exit status where it cannot start."""

log = Log(__name__)


class CannotRun(Exception):
    """Why the gate cannot start, and what to do about it."""


class Kept(Together):
    """Several feedbacks that outlive an agent: closing them is the program's business."""

    def close(self) -> None:
        """Stay open."""


def run(settings: Settings, *, as_json: bool) -> None:
    """Run until SIGTERM or Ctrl-C; a machine that is no gate yet waits for its code. Raises `CannotRun`."""
    set_up_logs(settings.log_level, settings.log_format)
    if not settings.readers:
        raise CannotRun(
            "no readers are set: name the access point that the camera looks at, for example\n"
            '[[readers]]\naccess_point = "main-gate-in"\ncamera = "0"'
        )
    # SIGTERM and Ctrl-C only wake the main thread, which has nothing else to do.
    enough = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        enough.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    display = display_for(settings)
    try:
        _Program(settings, display, enough, as_json=as_json).run()
    finally:
        if display is not None:
            display.close()


class _Program:
    """What `run` does, from the enrolment to the end."""

    def __init__(
        self,
        settings: Settings,
        display: DisplayServer | None,
        enough: threading.Event,
        *,
        as_json: bool,
    ) -> None:
        self._settings = settings
        self._store = LocalStore(settings.data_folder)
        self._display = display
        self._enough = enough
        self._feedbacks = feedbacks_for(settings, display, as_json=as_json)
        self._lines = JsonFeedback(now=system_time)
        self._supervisor = Supervisor()
        self._alive_due = 0.0
        self._said: str | None = None
        self._said_status = ""

    def run(self) -> None:
        if self._display is not None:
            self._display.start()
        try:
            identity = self._identity()
            while identity is not None and not self._enough.is_set():
                self._work(identity)
            self._supervisor.stopping()
            self._lines.write("stopped", gate=None if identity is None else identity.device)
        finally:
            Together(self._feedbacks).close()

    def _identity(self) -> Identity | None:
        """Return who this gate is; where it is none yet, wait until it has become one."""
        try:
            return self._store.identity()
        except NotEnrolled as why:
            log.warning("not_enrolled", why=str(why))
        sources = [
            (AccessPointId(reader.access_point or UNNAMED), reader.source)
            for reader in self._settings.readers
        ]
        self._supervisor.ready("not enrolled: hold the enrolment code before a reader")
        wait = WaitForCode(
            self._store, sources, Kept(self._feedbacks), stop=self._enough, alive=self._alive
        )
        return wait.run()

    def _work(self, identity: Identity) -> None:
        """Run an agent until the program is to stop, or the only reader's access point is known."""
        plans = self._plans(identity)
        try:
            agent = Agent(
                identity,
                self._store,
                plans,
                Kept(self._feedbacks),
                make_transport=_transport_maker(self._settings, self._store),
                make_clock=lambda journal: GateClock(
                    battery_clock=self._settings.battery_clock,
                    floor=lambda: journal.newest,
                    forget_floor=journal.forget_newest,
                ),
                journal_kept=timedelta(days=self._settings.journal_days),
            )
        except JournalUnavailable as error:
            raise CannotRun(f"the journal cannot be used: {error}") from error
        if self._display is not None:
            self._display.feedback.ask(
                lambda: _standing(agent), lambda point: _beside_poster(agent, plans, point)
            )
        agent.start()
        try:
            self._say_ready(identity, agent, plans)
            while not self._enough.wait(LOOK_EVERY_S):
                if agent.going_round:
                    self._alive()
                self._say_status(identity, agent)
                if not plans and self._only_point(agent.knowledge) is not None:
                    return
        finally:
            if self._display is not None:
                self._display.feedback.ask(Standing)
            agent.stop()

    def _plans(self, identity: Identity) -> list[ReaderPlan]:
        """Return the readers; none as long as the only one's access point is not known."""
        first = self._settings.readers[0]
        if first.access_point is None:
            knowledge = HeldKnowledge(identity, self._store)
            point = self._only_point(knowledge)
            knowledge.close()
            return [] if point is None else [ReaderPlan(point, first.source)]
        return [
            ReaderPlan(AccessPointId(reader.access_point or UNNAMED), reader.source)
            for reader in self._settings.readers
        ]

    def _only_point(self, knowledge: HeldKnowledge) -> AccessPointId | None:
        points = tuple(knowledge.policy.access_points)
        if len(points) == 1:
            return points[0]
        why = None
        if len(points) > 1:
            why = f"say in the settings which one the reader is at: {', '.join(sorted(points))}"
        if why != self._said:
            self._said = why
            log.warning("access_point_not_known", why=why)
            Together(self._feedbacks).trouble(UNNAMED, why)
        return None

    def _say_ready(self, identity: Identity, agent: Agent, plans: list[ReaderPlan]) -> None:
        told = [{"access_point": plan.point, "source": shown(str(plan.source))} for plan in plans]
        further = {} if self._display is None else {"display": self._display.url}
        self._lines.write(
            "ready", gate=identity.device, online=agent.online, readers=told, **further
        )
        self._supervisor.ready(_status(identity, agent))

    def _say_status(self, identity: Identity, agent: Agent) -> None:
        status = _status(identity, agent)
        if status != self._said_status:
            self._said_status = status
            self._supervisor.status(status)

    def _alive(self) -> None:
        """Give a sign of life where one is due: three within the time that is asked for."""
        now = time.monotonic()
        if self._supervisor.watchdog is not None and now >= self._alive_due:
            self._alive_due = now + self._supervisor.watchdog.total_seconds() / 3
            self._supervisor.alive()


def _status(identity: Identity, agent: Agent) -> str:
    troubles = [f"{point}: {why}" for point, why in agent.troubles.items()]
    return "; ".join([f"{identity.device} is {'online' if agent.online else 'offline'}", *troubles])


def _standing(agent: Agent) -> Standing:
    heard = agent.knowledge.heard
    age = None if heard is None else max(timedelta(), agent.clock.now() - heard)
    return Standing(agent.online, age, agent.clock.trusted)


def _beside_poster(agent: Agent, plans: list[ReaderPlan], point: str) -> Showing | None:
    """Return what the display shows at an access point; one display alone is that of the only reader."""
    wanted = point or (plans[0].point if len(plans) == 1 else "")
    known = agent.knowledge.policy.access_points.get(AccessPointId(wanted))
    at_machine = known is not None and known.gives_out
    for screen in agent.knowledge.screens:
        if screen.access_point == wanted:
            clock = agent.clock
            return showing(screen, clock.now(), clock_trusted=clock.trusted, at_machine=at_machine)
    return AT_A_MACHINE if at_machine else None


def display_for(settings: Settings) -> DisplayServer | None:
    """Return the display that the settings ask for, not started. Raises `CannotRun`."""
    if settings.display_port is None:
        return None
    points = [
        AccessPointId(reader.access_point) for reader in settings.readers if reader.access_point
    ]
    languages = settings.display_languages
    own_first = sorted(dict.fromkeys(languages), key=lambda one: one is not settings.language)
    arrows = [
        (AccessPointId(reader.access_point or UNNAMED), str(reader.arrow))
        for reader in settings.readers
    ]
    options = DisplayOptions(tuple(own_first), tuple(arrows), settings.display_sound)
    try:
        return DisplayServer(DisplayFeedback(points), options, settings.display_port)
    except DisplayUnavailable as why:
        raise CannotRun(f"display_port: {why}") from why


def feedbacks_for(
    settings: Settings, display: DisplayServer | None, *, as_json: bool
) -> tuple[Feedback, ...]:
    """Return the feedbacks that the settings ask for. Raises `CannotRun`."""
    found: list[Feedback] = [JsonFeedback() if as_json else ConsoleFeedback(settings.language)]
    if display is not None:
        found.append(display.feedback)
    pins = (settings.green_pin, settings.red_pin, settings.buzzer_pin, settings.ring_pins)
    if any(pin is not None for pin in pins):
        from gate_agent.feedback.lights import (  # noqa: PLC0415 - few gates have lamps
            LightsFeedback,
            LightsUnavailable,
        )

        try:
            found.append(LightsFeedback(settings))
        except LightsUnavailable as why:
            raise CannotRun(str(why)) from why
    return tuple(found)


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


def main() -> None:
    """Run by the settings in the first argument: what the command `run` becomes."""
    try:
        run(from_text(sys.argv[1]), as_json="--json" in sys.argv[2:])
    except CannotRun as why:
        sys.stderr.write(f"{why}\n")
        sys.exit(CANNOT_RUN)


if __name__ == "__main__":
    main()
