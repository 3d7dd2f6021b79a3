"""The process that lets apprise send one message: no private address, no redirect, no other program, no file written.

The guard is an audit hook of the interpreter (PEP 578): it sees the numeric address of each connection, after every
look-up, whichever library makes it, and it cannot be taken away again. One line of JSON says what came of it.
"""

# pyright: reportUnknownMemberType=false
# apprise leaves the type of some arguments open.

import json
import logging
import os
import resource
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from server.kernel.destinations import Destinations

MOST_MEMORY = 1024**3
"""Bytes of address space: an answer without end ends the child, nothing else."""
_PROGRAMS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "subprocess.Popen",
    }
)
_LISTENING = frozenset({"socket.bind"})
_SENDING = frozenset({"socket.sendto", "socket.sendmsg"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_LIBRARIES = tuple(
    f"{os.path.realpath(each)}/"
    for each in (sys.prefix, sys.base_prefix, Path(__file__).parents[1], "/usr/share")
)
_SYSTEM_FILES = frozenset({"/etc/mime.types", "/dev/null", "/dev/urandom"})
_BUSY = 429
_BROKEN = 500
_TIMEOUT = (5, 10)
_REDIRECTS = range(300, 400)


class Guard:
    """Refuses what a message to a messenger does not need, and remembers that it did."""

    def __init__(self, allowed: Destinations) -> None:
        """Let connections go to public addresses and to those allowed."""
        self._allowed = allowed
        self.refused_address = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one audit event; raising stops what was about to be done."""
        args: list[Any] = list(arguments)
        if event == "socket.connect":
            self._look_at(args[1])
        elif event in _SENDING and len(args) > 1 and args[-1] is not None:
            self._look_at(args[-1])
        elif event in _PROGRAMS or event in _LISTENING:
            raise PermissionError(f"{event} is not for messengers")
        elif event == "open" and not _is_harmless(args[0], args[2]):
            raise PermissionError("no such file is opened for messengers")

    def _look_at(self, address: object) -> None:
        if isinstance(address, tuple):
            host, port = str(address[0]), int(address[1])  # pyright: ignore[reportUnknownArgumentType]
            if _is_number(host) and self._allowed.permits(host, port):
                return
        self.refused_address = True
        raise PermissionError("the address leads where no request may go")


def _is_harmless(path: object, flags: object) -> bool:
    """Tell whether a file may be opened: only to read what Python itself, its libraries and we are made of."""
    if isinstance(flags, int) and flags & _WRITES:
        return False
    if not isinstance(path, str | bytes):
        return True  # a file that is open already
    whole = os.path.realpath(os.fsdecode(path))
    return whole in _SYSTEM_FILES or whole.startswith(_LIBRARIES)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def main() -> None:
    """Send what standard input says, print what came of it."""
    task: dict[str, str] = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    logging.disable(logging.CRITICAL)  # apprise logs URLs
    # Half a second: the guard needs none of it, and refuses nothing that loading needs but writing what is compiled.
    import requests  # noqa: PLC0415
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415

    statuses = _watch(requests, _authorities(task["ca_file"]))
    guard = Guard(Destinations.of(task["allowed"]))
    sys.addaudithook(guard)
    sending = Apprise(asset=AppriseAsset(secure_logging=True, async_mode=False))
    known = sending.add(task["url"])
    sent = known and bool(sending.notify(title=task["title"], body=task["body"]))
    failure, why = "", ""
    if not known:
        failure, why = "refused", "the messenger's URL is not complete"
    elif not sent:
        failure, why = _why(guard, statuses)
    print(json.dumps({"failure": failure, "why": why}), flush=True)  # noqa: T201  the parent reads it


def _authorities(extra: str) -> str:
    """Return the path of the public authorities and the further ones together; it is never on a disk."""
    import certifi  # noqa: PLC0415  as above

    if not extra:
        return certifi.where()
    together = os.memfd_create("authorities", 0)
    os.write(together, Path(certifi.where()).read_bytes() + b"\n" + Path(extra).read_bytes())
    return f"/proc/self/fd/{together}"


def _watch(requests: Any, authorities: str) -> list[int]:  # noqa: ANN401  the module, loaded late
    """Let requests follow no redirect, and verify each server; return where it notes each status.

    apprise's URLs can ask for both otherwise.
    """
    statuses: list[int] = []
    sessions = requests.sessions
    send = sessions.Session.send

    def noted(self: Any, request: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as requests has it
        if not str(request.url).lower().startswith("https://"):
            raise PermissionError("messengers are spoken to over TLS only")
        kwargs |= {
            "verify": authorities,
            "allow_redirects": False,
            "timeout": _TIMEOUT,
            "proxies": {},
        }
        answer = send(self, request, **kwargs)
        statuses.append(answer.status_code)
        return answer

    sessions.Session.send = noted
    return statuses


def _why(guard: Guard, statuses: list[int]) -> tuple[str, str]:
    if guard.refused_address:
        return "forbidden_address", "the address leads where no request may go"
    if not statuses:
        return "unreachable", "nobody answered"
    last = statuses[-1]
    said = f"the messenger answered {last}"
    if last == _BUSY or last >= _BROKEN:
        return "busy", said
    if last in _REDIRECTS:
        return "refused", f"{said}: redirects are not followed"
    return "refused", said


if __name__ == "__main__":
    main()
