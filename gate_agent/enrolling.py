"""Makes this machine a gate by what is held before its readers: waits for an enrolment code and uses it.

A code is tried once; another try with the same one, or soon after the last, is not made, so that
somebody who plays before the camera uses up nobody's tries. Enrolling at the keyboard is noticed too.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from access_protocol.ids import AccessPointId
from gate_agent.camera import Camera
from gate_agent.decoder.base import DecoderFailed
from gate_agent.decoder.chain import DecoderChain
from gate_agent.decoder.change import Attention
from gate_agent.decoder.process import DecodingProcess
from gate_agent.enrol import EnrolmentFailed, enrol_from_text, is_enrolment
from gate_agent.eyes import Eyes, camera_eyes, scanner_eyes
from gate_agent.feedback.base import Enrolling, Feedback
from gate_agent.health import ReaderGauge
from gate_agent.local_store import Identity, LocalStore, NotEnrolled
from gate_agent.logs import Log
from gate_agent.malformed import MalformedMessages
from gate_agent.scanner import is_scanner
from gate_agent.watching import SourceWatch, Watch

BETWEEN_TRIES = timedelta(seconds=5)
SAME_CODE_AGAIN = timedelta(seconds=60)
"""A code that was refused is still before the camera; after this it may be tried once more."""
TRIED_FOR = timedelta(seconds=40)
"""A server that has not answered by then is given up; should its answer come all the same, it counts."""
LOOK_EVERY_S = 0.25
_STOP_WITHIN_S = 5.0
_MOST_TRIED = 100

_Seen = TypeVar("_Seen")
Enrol = Callable[[str, LocalStore], object]

log = Log(__name__)


class WaitForCode:
    """Looks through the readers until this machine is a gate; `run` once."""

    def __init__(
        self,
        store: LocalStore,
        sources: Sequence[tuple[AccessPointId, str | Camera]],
        feedback: Feedback,
        *,
        stop: threading.Event,
        alive: Callable[[], None] = lambda: None,
        enrol: Enrol = enrol_from_text,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait for what `enrol` makes an identity of in `store`; `alive` is called with each round."""
        self._store = store
        self._feedback = feedback
        self._enrol = enrol
        self._moment = moment
        self._alive = alive
        self._told_to_stop = stop
        self._over = threading.Event()
        self._decoders = DecodingProcess()
        self._codes: queue.Queue[str] = queue.Queue(maxsize=1)
        self._tried: dict[str, float] = {}
        self._next_try = float("-inf")
        self._rubbish = MalformedMessages(moment=moment)
        self._watches = [self._watch(point, source) for point, source in sources]

    def run(self) -> Identity | None:
        """Return who this gate is, as soon as it is one; None where the program is to stop first."""
        try:
            self._decoders.start()
        except DecoderFailed as why:
            log.warning("decoder_not_started", why=str(why))
        for watch in self._watches:
            watch.start()
        self._feedback.enrolling(Enrolling.HOLD_CODE)
        try:
            return self._wait()
        finally:
            self._over.set()
            for watch in self._watches:
                watch.join(_STOP_WITHIN_S)
            self._decoders.close()

    def _wait(self) -> Identity | None:
        while not self._told_to_stop.is_set():
            self._alive()
            for watch in self._watches:
                watch.tick()
            try:
                text = self._codes.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                text = None
            if text is not None and self._may_try(text):
                self._try(text)
            identity = self._identity()
            if identity is not None:
                log.info("enrolled", gate=identity.device, site=identity.site)
                self._feedback.enrolling(Enrolling.DONE)
                return identity
        return None

    def _identity(self) -> Identity | None:
        try:
            return self._store.identity()
        except NotEnrolled:
            return None

    def _may_try(self, text: str) -> bool:
        now = self._moment()
        if now < self._next_try or now - self._tried.get(text, float("-inf")) < (
            SAME_CODE_AGAIN.total_seconds()
        ):
            return False
        if len(self._tried) >= _MOST_TRIED:
            del self._tried[min(self._tried, key=lambda tried: self._tried[tried])]
        self._tried[text] = now
        return True

    def _try(self, text: str) -> None:
        """Enrol in a thread of its own: the address may be of a server that answers a byte at a time."""
        self._feedback.enrolling(Enrolling.WORKING)
        failed: list[str] = []

        def work() -> None:
            try:
                self._enrol(text, self._store)
            except EnrolmentFailed as why:
                failed.append(str(why))

        thread = threading.Thread(target=work, name="enrolment", daemon=True)
        thread.start()
        give_up = self._moment() + TRIED_FOR.total_seconds()
        while thread.is_alive() and self._moment() < give_up and not self._told_to_stop.is_set():
            self._alive()
            thread.join(LOOK_EVERY_S)
        if thread.is_alive():
            failed.append(f"the server has not answered within {TRIED_FOR.seconds} s")
        for why in failed:
            log.warning("not_enrolled", why=why)
            self._feedback.enrolling(Enrolling.CODE_REFUSED, why)
        self._next_try = self._moment() + BETWEEN_TRIES.total_seconds()

    def _watch(self, point: AccessPointId, source: str | Camera) -> Watch:
        gauge = ReaderGauge(point, moment=self._moment)

        def build(eyes: Eyes[_Seen]) -> Watch:
            return SourceWatch(
                eyes,
                look=self._look,
                say=lambda trouble: self._feedback.trouble(point, trouble),
                gauge=gauge,
                stop=self._over,
                moment=self._moment,
            )

        def rubbish(why: str) -> None:
            self._rubbish.add(f"scanner at {point}", why)

        if isinstance(source, str) and is_scanner(source):
            return build(scanner_eyes(source, on_rubbish=rubbish))
        chain = DecoderChain(self._decoders, attention=Attention())
        return build(camera_eyes(source, chain, gauge, wait=self._over.wait, moment=self._moment))

    def _look(self, texts: tuple[str, ...]) -> None:
        codes = [text for text in texts if is_enrolment(text)]
        if len(codes) == 1 and self._codes.empty():
            # Another thread's code may have come between; that one is tried then.
            try:
                self._codes.put_nowait(codes[0])
            except queue.Full:
                return
