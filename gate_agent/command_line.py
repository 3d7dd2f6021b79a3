"""The commands of the gate agent: `python -m gate_agent --help`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from gate_agent.settings import Settings

DENIED, BAD_USAGE = 1, 2

app = typer.Typer(
    help="Genkan's gate: sees a visitor's QR credential, decides, and opens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help="TOML file with the gate's settings; GENKAN_GATE_… variables win over it.",
        dir_okay=False,
    ),
]


@app.callback()
def gate_agent() -> None:
    """Genkan's gate: sees a visitor's QR credential, decides, and opens."""


@app.command()
def run(
    settings: SettingsFile = None,
    camera: Annotated[
        str | None,
        typer.Option(
            help="The first reader's camera instead of the one in the settings, such as 0, "
            "/dev/v4l/by-id/…, replay:FOLDER-OR-VIDEO or watch:FOLDER."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happens as JSON lines, for programs.")
    ] = False,
) -> None:
    """Run the gate: look through its cameras, decide, journal, open; until Ctrl-C or SIGTERM.

    Prints one line for each thing that happens, and a JSON line {"what": "ready", …} once the
    readers run and the server was heard or is known to be away. Without the server it goes on
    deciding by what it last heard. A machine that is no gate yet waits for the enrolment code that
    the panel shows, held before a camera, and then begins to work.

    Exit status: 0 when it was told to stop, 2 when it cannot start.
    """
    loaded = _load(settings, camera)
    import os

    from gate_agent.settings import as_text

    # This process becomes the gate without the libraries of the command line, 16 MB of its memory.
    program = [sys.executable, "-m", "gate_agent.running", as_text(loaded)]
    sys.stdout.flush()
    os.execv(program[0], [*program, "--json"] if as_json else program)  # noqa: S606 - ourselves


@app.command()
def enrol(
    code: Annotated[str, typer.Option(help="The one-time code that an administrator made.")],
    url: Annotated[
        str, typer.Option("--url", "--server", help="The server's address; or set server_url.")
    ] = "",
    settings: SettingsFile = None,
) -> None:
    """Make this machine a gate: exchange a one-time code for its name, certificate and trusted keys.

    The gate makes its own two keys, which never leave it; the code itself is not sent either. Enrolling
    again replaces all of it, and what was before is worth nothing from then on.

    Instead of the code, what its QR says may be given: --code 'GKE1:…'. It holds the server's address too.

    Exit status: 0 when it is a gate now, 2 when not.
    """
    from gate_agent.enrol import EnrolmentFailed, enrol_from_text, is_enrolment
    from gate_agent.enrol import enrol as enrol_gate
    from gate_agent.local_store import LocalStore

    loaded = _load(settings)
    address = url or loaded.server_url
    if not address and not is_enrolment(code):
        _give_up("url: say where the server is: --url https://…, or server_url in the settings")
    store = LocalStore(loaded.data_folder)
    try:
        by_qr = is_enrolment(code)
        enrolment = enrol_from_text(code, store) if by_qr else enrol_gate(address, code, store)
    except EnrolmentFailed as why:
        _give_up(str(why))
    _print({"gate": enrolment.device, "site": enrolment.site, "data_folder": str(store.folder)})


@app.command()
def status(settings: SettingsFile = None) -> None:
    """Show what this gate holds: who it is, what it knows and how old that is, and its journal.

    Prints one JSON object. A gate that runs may be asked too.

    Exit status: 0, or 2 when the gate is not enrolled or its folder cannot be read.
    """
    from gate_agent.journal import JournalDamaged, JournalUnavailable
    from gate_agent.local_store import LocalStore, NotEnrolled
    from gate_agent.logs import set_up_logs
    from gate_agent.state import gate_state

    loaded = _load(settings)
    set_up_logs("warning")
    try:
        _print(gate_state(LocalStore(loaded.data_folder)))
    except (NotEnrolled, JournalDamaged, JournalUnavailable) as why:
        _give_up(str(why))


@app.command()
def verify(
    text: Annotated[
        str, typer.Argument(help="What the QR code says, quoted; - reads it from standard input.")
    ],
    keys: Annotated[Path, typer.Option(help="JSON file with the issuer's keys; see below.")],
    at: Annotated[
        str, typer.Option(help="The time to decide for: RFC 3339 with its zone, or now.")
    ] = "now",
    language: Annotated[str, typer.Option(help="Of the sentence: ja, en or zh.")] = "en",
) -> None:
    """Decide on one text as a gate would, and print the decision as JSON.

    KEYS is a JSON file: {"site": "TYO", "keys": ["hex or Base64", {"public": "…",
    "not_before": "2026-01-01T00:00:00Z", "not_after": "…"}], "revocations": {"credential id in
    hex": lowest valid generation}, "access_point": {"zone": 2, "classes": ["static", "bound"]}}.
    Site and keys are needed; without access_point the place is not checked.

    Exit status: 0 granted, 1 denied, 2 bad usage.
    """
    from access_protocol.wording import Language
    from gate_agent.verifying import KeysFile, UnusableKeys, as_json, parse_time
    from gate_agent.verifying import verify as decide

    if text == "-":
        text = sys.stdin.readline().rstrip("\r\n")
    try:
        decision = decide(text, KeysFile(keys), parse_time(at))
        _print(as_json(decision, Language(language)))
    except UnusableKeys as why:
        _give_up(str(why))
    except ValueError as why:
        _give_up(f"--at or --language: {why}")
    raise typer.Exit(0 if decision.granted else DENIED)


@app.command()
def decode(
    files: Annotated[list[Path], typer.Argument(help="Pictures: PNG, JPEG, BMP, WebP.")],
    seconds: Annotated[
        float, typer.Option(min=0.01, max=60, help="Time allowed for each picture.")
    ] = 5.0,
) -> None:
    """Read the QR codes in pictures, with the gate's own eyes.

    Prints one JSON object a line: {"file", "text", "reader", "ms"}. "text" is null where no code
    was read; "texts" is added where there are several; "error" says why a picture could not be
    read. Pictures larger than a camera's frame are made smaller first.

    Exit status: 0 when every picture was read, 1 when a picture holds no readable code,
    2 when a file is no picture.
    """
    from gate_agent.decoder.files import decode_files

    worst = 0
    for line in decode_files(files, seconds=seconds):
        sys.stdout.write(json.dumps(line.as_json(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        worst = max(worst, line.status)
    raise typer.Exit(worst)


def _load(file: Path | None, camera: str | None = None) -> "Settings":
    import tomllib

    from gate_agent.settings import UnusableSettings, load_settings, with_camera

    try:
        settings = load_settings(file)
        return settings if camera is None else with_camera(settings, camera)
    except OSError as why:
        _give_up(f"{file}: {why.strerror}")
    except tomllib.TOMLDecodeError as why:
        _give_up(f"{file}: {why}")
    except UnusableSettings as error:
        _give_up("the settings cannot be used:\n  " + "\n  ".join(error.whys))
    except ValueError as why:
        _give_up(str(why))


def _print(body: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(body, ensure_ascii=False) + "\n")


def _give_up(why: str) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    raise typer.Exit(BAD_USAGE)
