"""A gate that is full: 100,000 credentials, 100,000 revocations and 250,000 journal entries on its disk."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import ParamSpec, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import credential as credentials
from access_protocol import documents, knowledge, rules
from access_protocol.credential import Credential, CredentialClass
from access_protocol.documents import Document, DocumentKind
from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry
from access_protocol.feeds import Revocation
from access_protocol.ids import AccessPointId, CredentialId, KeyId, SiteCode, ZoneNumber
from access_protocol.keys import HolderKey
from access_protocol.knowledge import AccessPoint, AntiPassback, Policy, ZonePolicy
from access_protocol.topics import Kind
from bench.gate import bare_command, tree_mb
from bench.result import Result, Track, percentile
from bench.site import (
    AUTHORITY,
    ENTRANCE,
    GATE,
    GATE_KEY,
    ISSUER,
    OFFICE,
    ROOT,
    SITE,
    SmallSite,
    entrance,
    gate_settings,
    issuers,
    static_text,
    unbuffered,
)
from demo.phone import View, held_phone
from demo.program import StartedProcess
from gate_agent.gatekeeper import Gatekeeper
from gate_agent.held_feeds import HeldCredential
from gate_agent.journal import Journal
from gate_agent.knowledge import HeldKnowledge
from gate_agent.local_store import LocalStore
from gate_agent.passages import SharedHistory
from gate_agent.vision import cv2

CREDENTIALS = REVOCATIONS = 100_000
ENTRIES = 250_000
PRESENTED = 2_000
STARTS = 5
_CHUNK = 400
_TODAY = datetime.now(UTC).replace(microsecond=0)
_HOLDER = ec.derive_private_key(1, ec.SECP256R1())

P = ParamSpec("P")
T = TypeVar("T")


def lookup_100k_ms(track: Track) -> Iterator[Result]:
    """All look-ups of one decision on a short presentation, on the disk of a full gate."""
    with SmallSite() as site:
        full = _decided(_store(site, "full", track, CREDENTIALS), track)
        nearly_empty = _decided(_store(site, "empty", track, 0), track)
    yield Result.of(
        "lookup_100k_ms",
        "ms",
        full.look_ups,
        baseline=median(nearly_empty.look_ups),
        baseline_is="the same decisions where nothing but the presented credentials is held",
        slowest=round(max(full.look_ups), 3),
        whole_decision=round(median(full.decisions), 3),
        whole_decision_p99=round(percentile(full.decisions, 99), 3),
    )


def gate_agent_rss_full_mb(track: Track) -> Iterator[Result]:
    """Memory of the agent and its decoding process on that disk, and how long the agent takes to start."""
    memory: list[float] = []
    alone: list[float] = []
    starts: list[float] = []
    bare: list[float] = []
    with SmallSite() as site:
        _store(site, "gate", track, CREDENTIALS)
        scenes = site.folder / "scenes"
        scenes.mkdir()
        cv2.imwrite(str(scenes / "phone.png"), held_phone(static_text(1), View(), seed=1))
        settings = gate_settings(site.folder, f"watch:{scenes}")
        run = [sys.executable, "-m", "gate_agent", "run", "--json", "--settings", str(settings)]
        for _ in track(range(STARTS), "gate_agent_rss_full_mb"):
            began = time.perf_counter()
            with StartedProcess(
                run, ready="ready", folder=ROOT, environment=unbuffered()
            ) as process:
                starts.append(time.perf_counter() - began)
                process.wait_for_line('"access_point": "main-gate-in"')
                process.wait_for_line('"what": "re')
                time.sleep(5)  # the beginning of the journal is verified meanwhile
                memory.append(sum(tree_mb(process.pid)))
                alone.append(tree_mb(process.pid)[0])
            with StartedProcess(bare_command(), ready="ready", folder=ROOT) as process:
                bare.append(sum(tree_mb(process.pid)))
    yield Result.of(
        "gate_agent_rss_full_mb",
        "MB",
        memory,
        baseline=median(bare),
        baseline_is="a Python that only imports OpenCV, NumPy, zxing-cpp, cryptography and paho",
        agent_without_decoder=round(median(alone), 1),
        start_s=round(median(starts), 2),
    )


def _store(site: SmallSite, name: str, track: Track, size: int) -> LocalStore:
    """Write the folder of a gate that holds so many credentials and revocations, and a journal to match."""
    store = LocalStore(site.folder / name)
    store.enrol(site.enrolment(Kind.GATE, GATE), GATE_KEY, site.identity(GATE).key)
    policy = Policy({ENTRANCE: entrance_for_all()}, zones={OFFICE: ZonePolicy(AntiPassback.HARD)})
    for kind, body in (
        (DocumentKind.KEYS, knowledge.write_keys(issuers())),
        (DocumentKind.POLICY, knowledge.write_policy(policy)),
    ):
        document = Document(kind, SITE, GATE, 1, datetime.now(UTC), body)
        store.keep_document(kind, documents.seal(document, AUTHORITY))
    known = HeldKnowledge(store.identity(), store)
    numbers = range(1, size + 1) if size else _presented()
    for place in track(range(0, len(numbers), _CHUNK), f"{name}: signing credentials"):
        held = [_held(number) for number in numbers[place : place + _CHUNK]]
        known.feeds.take_credentials(place + len(held), held, complete=True)
    until = datetime.now(UTC) + timedelta(days=1)
    known.feeds.take_revocations(
        1, [Revocation(_other_id(number), 1, until) for number in range(size)]
    )
    known.feeds.hear(datetime.now(UTC))
    known.close()
    _write_journal(store, track, ENTRIES if size else 0)
    return store


def _write_journal(store: LocalStore, track: Track, entries: int) -> None:
    journal = Journal(store.journal_path, dict[AccessPointId, AccessPoint])
    # Nobody pulls the plug meanwhile, and 250,000 times the disk would take long.
    journal._connection.execute("PRAGMA synchronous=OFF")  # pyright: ignore[reportPrivateUsage] # noqa: SLF001
    chance = random.Random(1)
    began = datetime.now(UTC) - timedelta(days=20)
    for number in track(range(entries // 2), "writing the journal"):
        event = str(UUID(int=chance.getrandbits(128)))
        at = began + timedelta(seconds=number * 10)
        decision = DecisionEntry(
            at=at,
            event=event,
            access_point=ENTRANCE,
            reason=None,
            credential=_other_id(chance.randrange(REVOCATIONS)).hex(),
            credential_class=CredentialClass.BOUND,
            generation=0,
            presented_at=int(at.timestamp()),
        )
        journal.append(decision)
        journal.append(
            OutcomeEntry(at=at, event=event, access_point=ENTRANCE, outcome=Outcome.PASSED)
        )
    journal.tell(entries)
    journal.acknowledge(journal.position.sequence)
    journal.close()


def entrance_for_all() -> AccessPoint:
    """The access point of the turnstile, open to every class."""
    point = entrance()
    return AccessPoint(
        point.id,
        point.portal,
        point.controller,
        point.zone,
        point.direction,
        frozenset(CredentialClass),
        point.pulse,
    )


def _presented() -> list[int]:
    """Whose presentations are decided on: anybody's."""
    return random.Random(2).sample(range(1, CREDENTIALS + 1), PRESENTED)


def _id(number: int) -> CredentialId:
    """Ids are random: neighbours on the disk have nothing to do with each other."""
    return CredentialId(random.Random(number).randbytes(16))


def _other_id(number: int) -> CredentialId:
    return _id(number + 10_000_000)


def _held(number: int) -> HeldCredential:
    claims = Credential(
        id=_id(number),
        site=SITE,
        not_before=_TODAY - timedelta(days=1),
        expires=_TODAY + timedelta(days=1),
        credential_class=CredentialClass.BOUND,
        generation=0,
        zones=(OFFICE,),
        holder=HolderKey.of(_HOLDER.public_key()),
    )
    return HeldCredential(credentials.issue(claims, ISSUER), claims)


@dataclass(frozen=True)
class _Decided:
    look_ups: list[float]
    decisions: list[float]


class _Stopwatch:
    """Adds up the time that calls take."""

    def __init__(self) -> None:
        self.ms = 0.0

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        began = time.perf_counter()
        result = call(*args, **kwargs)
        self.ms += (time.perf_counter() - began) * 1000
        return result


class _TimedKnowledge:
    """A gate's knowledge, with its look-ups timed."""

    def __init__(self, known: HeldKnowledge, watch: _Stopwatch) -> None:
        self._known, self._watch = known, watch
        self.site: SiteCode = known.site
        self.policy = known.policy

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> tuple[bytes, ...]:
        """See `rules.Knowledge`."""
        return tuple(self._known.issuer_keys(hint, at))

    def lowest_generation(self, credential: CredentialId) -> int:
        """See `rules.Knowledge`."""
        return self._watch(self._known.lowest_generation, credential)

    def held_credential(self, credential: CredentialId) -> bytes | None:
        """See `rules.Knowledge`."""
        return self._watch(self._known.held_credential, credential)


class _TimedHistory:
    """A gate's history, with its look-ups timed."""

    def __init__(self, history: SharedHistory, watch: _Stopwatch) -> None:
        self._history, self._watch = history, watch

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        """See `rules.History`."""
        return self._watch(self._history.presentation_used, credential, presented_at, point)

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        """See `rules.History`."""
        return self._watch(self._history.entry_spent, credential, point)

    def bound_generation(self, credential: CredentialId) -> int | None:
        """See `rules.History`."""
        return self._watch(self._history.bound_generation, credential)

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        """See `rules.History`."""
        return self._watch(self._history.inside, credential, zone, since)


def _decided(store: LocalStore, track: Track) -> _Decided:
    known = HeldKnowledge(store.identity(), store)
    journal = Journal(store.journal_path, lambda: known.policy.access_points)
    history, gatekeeper = SharedHistory(journal, known), Gatekeeper()
    point, now = known.policy.access_points[ENTRANCE], datetime.now(UTC)
    circumstances = rules.Circumstances(now, clock_trusted=True, knowledge_age=timedelta())
    decided = _Decided([], [])
    for moment, number in enumerate(track(_presented(), "deciding")):
        held = _held(number).message
        text = credentials.to_text(credentials.present_short(held, _id(number), _HOLDER, now))
        watch = _Stopwatch()
        timed, told = _TimedKnowledge(known, watch), _TimedHistory(history, watch)
        began = time.perf_counter()
        decision = gatekeeper.decide((text,), point, timed, told, circumstances, moment)
        decided.decisions.append((time.perf_counter() - began) * 1000)
        decided.look_ups.append(watch.ms)
        if decision is None or not decision.granted:
            raise RuntimeError(f"a valid presentation was not granted: {decision}")
    journal.close()
    known.close()
    return decided
