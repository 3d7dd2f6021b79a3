"""How a gate fares, in words: its readers, clock, queues, machine and certificate, as it last said itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from server.devices.models import GateHealthRow
from server.pages.states import Badge
from server.web.formats import local_date
from server.web.languages import gettext

HOT_C = 75.0
"""A Raspberry Pi slows itself down from 80 °C on."""
LITTLE_DISK_MB = 500
MUCH_MEMORY_MB = 120
"""What a gate is built to stay within."""
SOON_ENDS = timedelta(days=7)


class Fact(NamedTuple):
    """One thing about a gate."""

    name: str
    value: Badge | str


def facts(health: GateHealthRow, now: datetime) -> Sequence[Fact]:
    """Return what a gate said of itself; what it did not say is left out."""
    found = [_reader(reader) for reader in health.readers]
    found.append(Fact(gettext("Clock"), _clock(trusted=health.clock_trusted)))
    if health.passages_waiting is not None:
        found.append(Fact(gettext("Passages to tell"), str(health.passages_waiting)))
    if health.temperature_c is not None:
        text = f"{health.temperature_c:.1f} °C"
        found.append(Fact(gettext("Temperature"), _judged(text, bad=health.temperature_c >= HOT_C)))
    if health.disk_free_mb is not None:
        text = gettext("%(mb)d MB free", mb=health.disk_free_mb)
        little = health.disk_free_mb < LITTLE_DISK_MB
        found.append(Fact(gettext("Disk"), _judged(text, bad=little)))
    if health.memory_mb is not None:
        text = f"{health.memory_mb} MB"
        found.append(Fact(gettext("Memory"), _judged(text, bad=health.memory_mb > MUCH_MEMORY_MB)))
    if health.certificate_expires is not None:
        text = local_date(health.certificate_expires)
        soon = health.certificate_expires - now < SOON_ENDS
        found.append(Fact(gettext("Certificate until"), _judged(text, bad=soon)))
    found.append(Fact(gettext("Running for"), _duration(timedelta(seconds=health.uptime_s))))
    if health.malformed_messages:
        found.append(Fact(gettext("Malformed messages"), str(health.malformed_messages)))
    return found


def _reader(reader: dict[str, Any]) -> Fact:
    name = gettext("Reader %(point)s", point=reader["access_point"])
    if not reader["camera_ok"]:
        trouble = reader.get("trouble") or gettext("no picture")
        return Fact(name, Badge("bad", "alarm", trouble))
    figures = gettext(
        "%(frames).1f frames/s, %(ms).1f ms",
        frames=reader["frames_per_second"],
        ms=reader["decode_ms"],
    )
    return Fact(name, Badge("good", "granted", figures))


def _clock(*, trusted: bool) -> Badge:
    if trusted:
        return Badge("good", "granted", gettext("Trusted"))
    return Badge("waiting", "unknown", gettext("Not known: refuses until it has heard the time"))


def _judged(text: str, *, bad: bool) -> Badge | str:
    return Badge("waiting", "alarm", text) if bad else text


def _duration(time: timedelta) -> str:
    if time < timedelta(hours=1):
        return gettext("%(minutes)d minutes", minutes=time // timedelta(minutes=1))
    if time < timedelta(days=2):
        return gettext("%(hours)d hours", hours=time // timedelta(hours=1))
    return gettext("%(days)d days", days=time.days)
