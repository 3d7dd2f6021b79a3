"""Runs the measurements: `python -m bench` all of them, `python -m bench decode_ms …` those named.

Figures go to stdout, one JSON object a line; progress and messages go to stderr.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, TypeVar, cast

import typer
from rich.console import Console
from rich.progress import Progress

from bench.result import Bench, Skipped

T = TypeVar("T")

# Every measurement, by name, with the function that makes it. Add a line for a new one.
BENCHES: dict[str, str] = {
    "decode_rate": "bench.decoding:decode_rate",
    "decode_hard_rate": "bench.decoding:decode_hard_rate",
    "decode_ms": "bench.decoding:decode_ms",
    "empty_frame_ms": "bench.decoding:empty_frame_ms",
    "verify_decide_ms": "bench.gate:verify_decide_ms",
    "frame_to_command_ms": "bench.gate:frame_to_command_ms",
    "command_to_open_ms": "bench.gate:command_to_open_ms",
    "camera_to_relay_ms": "bench.throughput:camera_to_relay_ms",
    "people_per_minute": "bench.throughput:people_per_minute",
    "gate_agent_rss_mb": "bench.gate:gate_agent_rss_mb",
    "gate_agent_start_s": "bench.gate:gate_agent_start_s",
    "lookup_100k_ms": "bench.gate_at_size:lookup_100k_ms",
    "gate_agent_rss_full_mb": "bench.gate_at_size:gate_agent_rss_full_mb",
    "ledger_inserts_per_s_sqlite": "bench.ledger:ledger_inserts_per_s_sqlite",
    "ledger_inserts_per_s_postgresql": "bench.ledger:ledger_inserts_per_s_postgresql",
    "revocation_to_refusal_ms": "bench.propagation:revocation_to_refusal_ms",
    "reconnect_10k_s": "bench.propagation:reconnect_10k_s",
    "door_to_page_ms": "bench.door_to_page:door_to_page_ms",
    "crossing_to_push_ms": "bench.telling:crossing_to_push_ms",
    "visit_page_usable_ms": "bench.slow_phone:visit_page_usable_ms",
    "pass_shown_again_ms": "bench.slow_phone:pass_shown_again_ms",
    "request_ms_beside_500_streams": "bench.streams:request_ms_beside_500_streams",
}


def find(name: str) -> Bench:
    """The function that makes the measurement `name`."""
    module, _, function = BENCHES[name].partition(":")
    return cast("Bench", getattr(importlib.import_module(module), function))


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which measurements; all when none is named.")
    ] = None,
    *,
    show: Annotated[bool, typer.Option("--list", help="Print their names and stop.")] = False,
) -> None:
    """Measure the product on this machine, each figure beside a baseline of the same run.

    Prints one JSON object a line: name, unit, n, median, p95, p99, baseline, ratio, baseline_is,
    and keys of its own. Measurements that cannot be made here say why on stderr.
    """
    if show:
        sys.stdout.write("".join(f"{name}\n" for name in BENCHES))
        return
    if unknown := [name for name in names or () if name not in BENCHES]:
        raise typer.BadParameter(f"{', '.join(unknown)}: choose from {', '.join(BENCHES)}")
    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:

        def track(items: Iterable[T], what: str, total: int | None = None, /) -> Iterator[T]:
            task = progress.add_task(what, total=total)
            yield from progress.track(items, task_id=task, total=total)
            progress.remove_task(task)

        for name in names or BENCHES:
            try:
                for result in find(name)(track):
                    sys.stdout.write(result.line() + "\n")
                    sys.stdout.flush()
            except Skipped as why:
                console.print(f"{name} skipped: {why}", markup=False)


if __name__ == "__main__":
    typer.run(main)
