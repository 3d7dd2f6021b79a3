"""The commands of the simulated controllers: `python -m firmware_sim --help`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from firmware_sim.installation import PortalKind, Wiring
from firmware_sim.people import People
from firmware_sim.physical import FailMode
from firmware_sim.portal import Timings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",
)

Device = Annotated[
    str, typer.Option("--id", metavar="ID", help="The controller's id, as the panel has it.")
]
StateFolder = Annotated[
    Path,
    typer.Option(
        file_okay=False, help="Where its key, identity and key list are kept; one a controller."
    ),
]
EnrolUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="First start only: the server's address.")
]
Code = Annotated[
    str | None,
    typer.Option(metavar="XXXX-XXXX-XXXX-XXXX", help="First start only: the one-time code."),
]
Fails = Annotated[
    FailMode,
    typer.Option(
        help="Without mains: *safe* lets everybody in, *secure* nobody. Exit works always."
    ),
]
Walks = Annotated[
    People,
    typer.Option(
        "--people", help="*walk*: somebody goes through after each unlock. *none*: nobody."
    ),
]
WalkAfter = Annotated[
    int, typer.Option(min=0, max=60_000, help="Milliseconds from the unlock to the push.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="What happens as JSON lines on stdout, for programs.")
]
Control = Annotated[
    Path | None,
    typer.Option(
        dir_okay=False, metavar="SOCKET", help="Listen here for faults to inject; see `fault`."
    ),
]
LongestPulse = Annotated[
    float, typer.Option(min=0.2, max=60, help="Seconds that the relay may stay on at most.")
]


@app.callback()
def firmware_sim() -> None:
    """Simulated door controllers: they behave as firmware on a microcontroller would.

    A first start needs a one-time code from the server:

    `python -m firmware_sim door --id door-sakura --state-folder data/door-sakura`
    `--enrol-url http://127.0.0.1:8080 --code ABCD-EFGH-2345-IJKL`

    From then on `--id` and `--state-folder` are enough. The line `ready` on standard output says that
    the controller is connected and listens; `keys VERSION NUMBER` that it took a key list with so
    many keys; what happens at the portal follows on standard error, or with `--json` on standard
    output. SIGTERM ends it cleanly.

    To see how one behaves without anything else: `python -m firmware_sim scenario --builtin day`. To
    make a running one misbehave, start it with `--control door.sock`, then for example
    `python -m firmware_sim fault door.sock cut_power for_seconds=5`.
    """


@app.command()
def door(
    *,
    device: Device,
    state_folder: StateFolder,
    enrol_url: EnrolUrl = None,
    code: Code = None,
    fails: Fails = FailMode.SECURE,
    people: Walks = People.WALK,
    walk_after: WalkAfter = 800,
    held_open_after: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds until an open door is an alarm.")
    ] = 20,
    longest_pulse: LongestPulse = 10,
    as_json: AsJson = False,
    control: Control = None,
) -> None:
    """A door with strike, contact, exit button and fire input."""
    timings = Timings(
        longest_pulse=timedelta(seconds=longest_pulse),
        held_open_after=timedelta(seconds=held_open_after),
    )
    wiring = Wiring(PortalKind.DOOR, fails, timings)
    _run(
        device, state_folder, enrol_url, code, wiring, people, walk_after,
        as_json=as_json, control=control,
    )  # fmt: skip


@app.command()
def turnstile(
    *,
    device: Device,
    state_folder: StateFolder,
    enrol_url: EnrolUrl = None,
    code: Code = None,
    fails: Fails = FailMode.SAFE,
    people: Walks = People.WALK,
    walk_after: WalkAfter = 800,
    longest_pulse: LongestPulse = 10,
    as_json: AsJson = False,
    control: Control = None,
) -> None:
    """A turnstile: each unlock lets one person through, and tells whether anybody went."""
    timings = Timings(longest_pulse=timedelta(seconds=longest_pulse))
    wiring = Wiring(PortalKind.TURNSTILE, fails, timings)
    _run(
        device, state_folder, enrol_url, code, wiring, people, walk_after,
        as_json=as_json, control=control,
    )  # fmt: skip


@app.command()
def vending(
    *,
    device: Device,
    state_folder: StateFolder,
    enrol_url: EnrolUrl = None,
    code: Code = None,
    people: Annotated[
        People,
        typer.Option("--people", help="*walk*: somebody with the key refills it. *none*: nobody."),
    ] = People.WALK,
    slots: Annotated[int, typer.Option(min=1, max=255, help="How many slots it has.")] = 6,
    stock: Annotated[
        int, typer.Option(min=0, max=100, help="Bottles in each at the first start.")
    ] = 8,
    as_json: AsJson = False,
    control: Control = None,
) -> None:
    """A vending machine: each order turns one spiral once, and tells what came of it."""
    wiring = Wiring(PortalKind.VENDING, stock=dict.fromkeys(range(1, slots + 1), stock))
    _run(device, state_folder, enrol_url, code, wiring, people, 0, as_json=as_json, control=control)


@app.command()
def fault(
    socket: Annotated[
        Path, typer.Argument(metavar="SOCKET", help="What `--control` of the simulator names.")
    ],
    do: Annotated[
        str, typer.Argument(metavar="FAULT", help="What happens; `list` names all there are.")
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="As `for_seconds=5`.")
    ] = None,
) -> None:
    """Make a running simulator misbehave, and print how the portal really stands then.

    `python -m firmware_sim fault door.sock messages drop=0.2 duplicate=0.2 longest_delay_ms=800`

    `python -m firmware_sim fault door.sock look`

    The answer is one JSON object; exit status 1 means that the portal has no such part.
    """
    import msgspec

    from firmware_sim import control as controls
    from firmware_sim.faults import SENTENCES

    if do == "list":
        for name, sentence in SENTENCES.items():
            typer.echo(f"{name:<22} {sentence}")
        return
    named = (value.partition("=") for value in values or [])
    line = {"do": do} | {name: _value(text) for name, _, text in named}
    try:
        answer = controls.send(socket, msgspec.json.encode(line))
    except (OSError, msgspec.MsgspecError) as error:
        typer.echo(f"No simulator answers at {socket}: {error}.", err=True)
        raise typer.Exit(2) from error
    typer.echo(msgspec.json.encode(answer).decode())
    if not answer.ok:
        raise typer.Exit(1)


def _value(text: str) -> object:
    import msgspec

    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return text


def _run(
    device: str,
    folder: Path,
    enrol_url: str | None,
    code: str | None,
    wiring: Wiring,
    people: People,
    walk_after: int,
    *,
    as_json: bool,
    control: Path | None,
) -> None:
    from access_protocol.ids import MalformedIdError, device_id
    from firmware_sim.identity import EnrolmentError
    from firmware_sim.running import Start, run

    try:
        start = Start(
            device=device_id(device),
            folder=folder,
            enrol_url=enrol_url,
            code=None if code is None else code.strip().upper(),
            wiring=wiring,
            people=people,
            walks_after=timedelta(milliseconds=walk_after),
            as_json=as_json,
            control=control,
        )
        run(start)
    except MalformedIdError as error:
        raise typer.BadParameter(str(error), param_hint="--id") from error
    except EnrolmentError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--control") from error


@app.command()
def scenario(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.toml", help="A scenario of your own.")
    ] = None,
    *,
    builtin: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A scenario that comes along: `day` or `trouble`."),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, max=86_400, help="Times faster than life; 0: all at once.")
    ] = 0,
) -> None:
    """Play a day at simulated portals: people come, leave and take a drink; much goes wrong.

    It needs nothing else: time is simulated, and a gate and a broker in memory stand in for the
    site. `python -m firmware_sim scenario --builtin day` shows one; firmware_sim/days/day.toml is
    its text, to begin your own from.
    """
    from rich.console import Console

    from firmware_sim import scenario as scenarios
    from firmware_sim.narration import Narrator
    from firmware_sim.saboteur import NoSuchPart

    if (file is None) == (builtin is None):
        raise typer.BadParameter("give either a file or --builtin", param_hint="FILE.toml")
    try:
        day = scenarios.read(file) if file else scenarios.read_built_in(str(builtin))
    except scenarios.ScenarioError as error:
        raise typer.BadParameter(str(error), param_hint="FILE.toml / --builtin") from error
    try:
        Narrator(Console(highlight=False), day).play(speed)
    except NoSuchPart as error:
        raise typer.BadParameter(str(error), param_hint="FILE.toml / --builtin") from error
