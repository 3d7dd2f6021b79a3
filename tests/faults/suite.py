"""Every fault of the suite, in the order in which they are played; docs/reliability.md says what each must keep."""

from tests.faults import forger, kills, partition, resources, revocation, wires
from tests.faults.figures import Fault

FAULTS = (
    Fault("forged commands", forger.forged, 10_000, 1_000_000, needs_installation=False),
    Fault(
        "flipped bits of every vector",
        forger.flipped_bits,
        forger.bits(),
        forger.bits(),
        needs_installation=False,
    ),
    Fault("gate agent killed", kills.gate_killed, 20, 1000),
    Fault("controller killed", kills.controller_killed, 20, 1000),
    Fault("server killed", kills.server_killed, 20, 1000),
    Fault("broker killed, its store deleted", kills.broker_killed, 5, 200),
    Fault("connection cut", wires.cut, 10, 500),
    Fault("connection half-open", wires.half_open, 1, 50),
    Fault("connection slow", wires.slow, 6, 300),
    Fault("connection lossy", wires.lossy, 12, 600),
    Fault("reply lost after commit", wires.reply_lost, 6, 300),
    Fault("disk full at the gate", resources.gate_disk_full, 5, 250),
    Fault("disk full at the server", resources.server_disk_full, 5, 250),
    Fault("revocation under traffic", revocation.revoked_under_traffic, 8, 200),
    Fault("two gates apart", partition.two_gates_apart, 2, 100),
    Fault("the server's clock jumps", resources.server_clock_jumps, 4, 100),
    Fault("the gate's clock jumps", resources.gate_clock_jumps, 4, 100),
)
