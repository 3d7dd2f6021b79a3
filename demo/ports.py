"""Free TCP and UDP ports on this machine, for services that cannot choose one themselves."""

import itertools
import random
import socket

_LOWEST, _PORTS = 20_000, 12_000
"""Below 32768, where Linux takes the ports of outgoing connections from (`ip_local_port_range`)."""
# One after the other from anywhere: two processes that look at the same time do not find the same ones.
_candidates = itertools.count(random.SystemRandom().randrange(_PORTS))


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago, and that neither an outgoing connection nor the next call gets soon."""
    for _ in range(_PORTS):
        port = _LOWEST + next(_candidates) % _PORTS
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("This machine has no port left between 20000 and 32000.")
