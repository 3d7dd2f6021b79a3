"""Disks that take nothing more, and clocks that jump."""

import resource
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.figures import Scene
from tests.faults.history import Findings
from tests.faults.installation import GATE, WORKER, Environment, Installation
from tests.faults.kills import ONE_PASSAGE_S

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
JUMPS = tuple(timedelta(seconds=s) for s in (-3600, -300, -20, 20, 300, 3600))
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NOTICED_WITHIN_S = 120.0
"""The server tells its time once a minute."""


def gate_disk_full(scene: Scene) -> Findings:
    """The gate's disk takes nothing more, or only a part of an entry: nobody is let in unwritten."""
    return _disk_full(scene, GATE, "journal_unavailable")


def server_disk_full(scene: Scene) -> Findings:
    """The server's disk takes nothing more: it acknowledges nothing that it did not store."""
    return _disk_full(scene, WORKER, "disk I/O error")


def gate_clock_jumps(scene: Scene) -> Findings:
    """The gate's clock jumps back or forth by up to an hour; what has expired stays so."""
    site = scene.site
    with _jumping(site, GATE) as clock:
        for _ in scene.rounds():
            expired = site.a_pass(began=timedelta(hours=-3), ends=timedelta(minutes=-30))
            site.bar(expired, LONG_AGO)
            site.show(site.a_pass())
            site.pause(ONE_PASSAGE_S)
            _jump(clock, scene.random.choice(JUMPS))
            site.present(expired)
            site.present(site.a_pass())
            _jump(clock, timedelta())
        # A jump that was over before the server told the time again it need not have seen; one that lasts it must.
        _jump(clock, max(JUMPS))
        if not site.until(lambda: site.said(GATE, "clock_disagrees") > 0, NOTICED_WITHIN_S):
            raise AssertionError("the gate did not notice that its clock jumped")
        return site.findings()


def server_clock_jumps(scene: Scene) -> Findings:
    """The worker's clock jumps back or forth while it stores."""
    site = scene.site
    with _jumping(site, WORKER) as clock:
        for _ in scene.rounds():
            site.show(site.a_pass())
            site.pause(ONE_PASSAGE_S)
            _jump(clock, scene.random.choice(JUMPS))
            site.present(site.a_pass())
            site.pause(ONE_PASSAGE_S)
        return site.findings()


def _disk_full(scene: Scene, name: str, sign: str) -> Findings:
    site = scene.site
    before = site.said(name, sign)
    for _ in scene.rounds():
        site.show(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        # As on a full disk a write ends anywhere, and everything after it fails.
        _files_end_at(site.pid(name), scene.random.randrange(64 * 1024))
        site.present(site.a_pass())
        site.present(site.a_pass())
        _files_end_at(site.pid(name), resource.RLIM_INFINITY)
        site.present(site.a_pass())
    if site.said(name, sign) == before:
        raise AssertionError(f"the disk was never full: {name} did not say {sign!r}")
    return site.findings()


def _files_end_at(pid: int, size: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@contextmanager
def _jumping(site: Installation, name: str) -> Generator[Path]:
    """Give a program a clock that reads its jump from a file; its monotonic clock stays true."""
    clock = site.folder / f"{name}.clock"
    _jump(clock, timedelta())
    site.one_clock = False
    faked = {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    own = site.programs[name].environment
    _live_anew(site, name, {**own, **faked})
    yield clock
    _live_anew(site, name, own)


def _live_anew(site: Installation, name: str, environment: Environment) -> None:
    site.kill(name)
    site.programs[name].environment = environment
    site.start(name)


def _jump(clock: Path, by: timedelta) -> None:
    fresh = clock.with_name(f"{clock.name}.new")
    fresh.write_text(f"{by.total_seconds():+.0f}\n")
    fresh.replace(clock)
