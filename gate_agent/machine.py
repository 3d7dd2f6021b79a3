"""What the machine says about itself: its temperature, the room on its disk, and the memory the gate takes."""

import os
import shutil
from pathlib import Path

_SANE_C = (-40.0, 150.0)
_MB = 1_000_000


def temperature_c(zones: Path = Path("/sys/class/thermal")) -> float | None:
    """Return the warmest thermal zone in degrees Celsius; None where the machine tells none."""
    found: list[float] = []
    for zone in zones.glob("thermal_zone*/temp"):
        try:
            degrees = int(zone.read_text("ascii")) / 1000
        except (OSError, ValueError):
            continue
        if _SANE_C[0] < degrees < _SANE_C[1]:
            found.append(degrees)
    return round(max(found), 1) if found else None


def disk_free_mb(folder: Path) -> int | None:
    """Return the room that is left where the gate keeps its journal, in MB of 10^6 bytes."""
    try:
        return shutil.disk_usage(folder).free // _MB
    except OSError:
        return None


def memory_mb(processes: Path = Path("/proc"), pid: int | None = None) -> int | None:
    """Return the resident memory of this program and of what it started, in MB of 10^6 bytes."""
    own = os.getpid() if pid is None else pid
    try:
        task = processes / str(own) / "task" / str(own)
        children = [int(child) for child in (task / "children").read_text("ascii").split()]
        return sum(_resident_kb(processes / str(one)) for one in (own, *children)) * 1024 // _MB
    except (OSError, ValueError):
        return None


def _resident_kb(process: Path) -> int:
    try:
        lines = (process / "status").read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return 0  # it has just ended
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
