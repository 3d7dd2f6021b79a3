"""The server's commands: run it, prepare its database, and what an administrator does at a terminal."""

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from pydantic import SecretStr, ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from server.kernel.errors import GenkanError
from server.kernel.settings import Settings
from server.wayfinding.command_line import floor_plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.kernel.work import Office

T = TypeVar("T")

app = typer.Typer(
    help=(
        "Genkan's server. Settings come from the environment (GENKAN_…) or the file .env; "
        "begin with: make-secret, init, add-user, serve."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(floor_plans(lambda do: _with_office(_checked(), do)), name="floor-plan")
screen = Console()
trouble = Console(stderr=True)


@app.command()
def serve() -> None:
    """Run everything on this machine: broker, worker, web and live, until Ctrl-C."""
    from server.processes import serve as process
    from server.processes.ports import PortTaken

    settings = _checked()
    try:
        process.run(settings, lambda line: screen.print(line, highlight=False))
    except (process.NotReady, PortTaken) as error:
        _fail(str(error))


@app.command()
def web() -> None:
    """Run the web process: pages and API."""
    from server.processes import web as process
    from server.processes.ports import PortTaken
    from server.processes.tls import NoCertificate

    try:
        process.run(_checked())
    except (PortTaken, NoCertificate) as error:
        _fail(str(error))


@app.command()
def worker() -> None:
    """Run the worker process: devices' messages, what is to be sent, and timers."""
    from server.processes import worker as process

    process.run(_checked())


@app.command()
def live() -> None:
    """Run the live process: the event streams of open pages."""
    from server.processes import live as process
    from server.processes.ports import PortTaken
    from server.processes.tls import NoCertificate

    try:
        process.run(_checked())
    except (PortTaken, NoCertificate) as error:
        _fail(str(error))


@app.command()
def plain() -> None:
    """Answer plain HTTP beside HTTPS: the page that says how to trust us, and the way to HTTPS."""
    from server.processes import plain as process
    from server.processes.ports import PortTaken

    try:
        process.run(_checked())
    except PortTaken as error:
        _fail(str(error))


@app.command(name="mail-in")
def mail_in() -> None:
    """Receive the answers that visitors send to our mails, where GENKAN_MAIL_IN says."""
    from server.processes import mail_in as process
    from server.processes.ports import PortTaken

    try:
        process.run(_checked())
    except (PortTaken, process.NotSet) as error:
        _fail(str(error))


@app.command()
def trust(
    file: Annotated[
        Path | None, typer.Option("--file", help="Write the certificate there instead (PEM).")
    ] = None,
) -> None:
    """Print the certificate that phones and computers must trust where GENKAN_WEB_TLS=own."""
    from server.devices.authority import pem_certificate
    from server.processes import tls

    settings = _checked()
    if settings.web_tls != "own":
        _fail("Nothing has to be trusted: GENKAN_WEB_TLS is not own.")
    found = tls.root(settings)
    # Between its colons a fingerprint may hold what rich takes for the name of an emoji.
    plain = Text(f"For: {', '.join(settings.web_hosts)}\nSHA-256: {tls.fingerprint(found)}")
    trouble.print(plain, soft_wrap=True)
    if file is None:
        print(pem_certificate(found), end="")  # noqa: T201  nothing but the certificate, for scripts
        return
    try:
        file.write_text(pem_certificate(found), encoding="ascii")
    except OSError as error:
        _fail(f"{file} cannot be written: {error.strerror}")
    trouble.print(f"Written to {file}", highlight=False)


@app.command()
def broker() -> None:
    """Run Mosquitto with the passwords and rights of the devices that the database knows."""
    from server.processes import broker as process
    from server.processes.ports import PortTaken

    try:
        raise typer.Exit(process.run(_checked()))
    except (process.MosquittoIsMissing, PortTaken) as error:
        _fail(str(error))


@app.command("make-secret")
def make_secret() -> None:
    """Print a fresh secret for GENKAN_SECRET_KEY or GENKAN_MASTER_KEY."""
    print(secrets.token_urlsafe(48))  # noqa: T201  nothing but the secret, for scripts


@app.command()
def init() -> None:
    """Make or migrate the database; it may be run as often as you like."""
    _migrate()
    screen.print("The database is ready. Next: python -m server add-user", highlight=False)


@app.command()
def migrate() -> None:
    """Bring the database to the version of this program."""
    _migrate()
    screen.print("The database is up to date.", highlight=False)


@app.command("demo-data")
def demo_data(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Write the demo's site, people and devices, and print their sign-ins and one-time codes."""
    from server.processes import demo_data as data

    settings = _settings()
    if not settings.demo:
        _fail("The demo's people have a known password: set GENKAN_DEMO=true first.")
    _check_database(settings)
    written = _with_office(settings, data.write)
    if as_json:
        print(json.dumps(written))  # noqa: T201  nothing but JSON, for scripts
        return
    table = Table("sign in as", "role")
    for person in written["people"]:
        table.add_row(person["email"], person["role"])
    screen.print(table, f"Password of all: {written['password']}")
    devices = Table("device", "one-time code")
    for device in written["devices"]:
        devices.add_row(device["id"], device["code"])
    screen.print(devices)


@app.command("add-user")
def add_user(
    email: Annotated[str, typer.Option(prompt="E-mail address")],
    name: Annotated[str, typer.Option(prompt="Name")],
    role: Annotated[
        list[str] | None,
        typer.Option(help="administrator, security or host; may be repeated."),
    ] = None,
    language: Annotated[str, typer.Option(help="ja, en or zh")] = "en",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account; the password is asked for and not shown."""
    from server.kernel.principal import Principal
    from server.people import actions
    from server.people.actions import NewPerson

    settings = _checked()
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    given = {
        "email": email,
        "name": name,
        "roles": role or ["administrator"],
        "language": language,
        "password": SecretStr(password),
    }

    def add(office: "Office") -> None:
        with office.begin(Principal.system("add-user")) as work:
            actions.create_person(work, NewPerson.model_validate(given))

    _with_office(settings, add)
    screen.print(f"{email} can sign in at {settings.base_url}", highlight=False)


@app.command("rotate-key")
def rotate_key(
    site: Annotated[str, typer.Argument(help="Code of the site, for example TYO.")],
) -> None:
    """Sign credentials with a new key from now on; the old one stays valid until they have expired."""
    from access_protocol.ids import SiteCode
    from server.credentials import actions
    from server.kernel.principal import Principal

    def rotate(office: "Office") -> None:
        with office.begin(Principal.system("rotate-key")) as work:
            actions.rotate_key(work, SiteCode(site))

    _with_office(_checked(), rotate)
    screen.print(f"Site {site} signs with a new key. Gates learn it within a minute.")


@app.command("rotate-command-key")
def rotate_command_key(
    site: Annotated[str, typer.Argument(help="Code of the site, for example TYO.")],
) -> None:
    """Sign the server's commands to doors with a new key, once every controller has heard of it."""
    from access_protocol.ids import SiteCode
    from server.devices import actions
    from server.kernel.principal import Principal

    def rotate(office: "Office") -> None:
        with office.begin(Principal.system("rotate-command-key")) as work:
            actions.rotate_command_key(work, SiteCode(site))

    _with_office(_checked(), rotate)
    screen.print(f"In five minutes a new key signs commands at {site}; controllers learn it now.")


@app.command("rotate-entrance-key")
def rotate_entrance_key(
    site: Annotated[str, typer.Argument(help="Code of the site, for example TYO.")],
    access_point: Annotated[str, typer.Argument(help="For example front-door-in.")],
) -> None:
    """Let the changing code of an entrance come from a new key: for a gate or kiosk that was stolen."""
    from access_protocol.ids import AccessPointId, SiteCode
    from server.access import actions
    from server.kernel.principal import Principal

    def rotate(office: "Office") -> None:
        with office.begin(Principal.system("rotate-entrance-key")) as work:
            actions.rotate_entrance_key(work, SiteCode(site), AccessPointId(access_point))

    _with_office(_checked(), rotate)
    screen.print(f"The codes of {access_point} come from a new key. Its own gate learns it now.")


@app.command("seal-anew")
def seal_anew() -> None:
    """Seal everything with the present master key; afterwards the previous one can be left out."""
    from server.kernel.sealing import CannotUnseal
    from server.processes import sealing

    try:
        _with_office(_checked(), sealing.seal_anew)
    except CannotUnseal as error:
        _fail(f"Nothing was changed: something is {error}")
    screen.print("All is sealed with GENKAN_MASTER_KEY. Leave GENKAN_PREVIOUS_MASTER_KEY out now.")


@app.command()
def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and delete nothing.")
    ] = False,
) -> None:
    """Delete what is older than the sites decided to keep it; the worker does the same once a day."""
    from server.processes import retention as process

    lines = _with_office(_checked(), lambda office: process.run(office, trouble, dry=dry_run))
    table = Table("what", "site", "days", "would go" if dry_run else "deleted")
    for line in lines:
        table.add_row(line.kind.value, line.site or "all", str(line.days), str(line.count))
    screen.print(table)
    if dry_run:
        screen.print("Nothing was deleted. Without --dry-run it is.")


@app.command("add-device")
def add_device(
    device: Annotated[str, typer.Argument(help="Its id, for example gate-2.")],
    kind: Annotated[str, typer.Option(help="gate or controller")],
    site: Annotated[str, typer.Option(help="Code of its site, for example TYO.")],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
) -> None:
    """Register a gate or controller, and print the code with which it enrols once."""
    from server.devices import actions
    from server.devices.actions import NewDevice
    from server.kernel.principal import Principal

    given = {"id": device, "kind": kind, "site": site, "name": name or device}

    def add(office: "Office") -> str:
        with office.begin(Principal.system("add-device")) as work:
            actions.register(work, NewDevice.model_validate(given))
            return actions.make_code(work, device).code

    print(_with_office(_checked(), add))  # noqa: T201  nothing but the code, for scripts


@app.command("enrol-code")
def enrol_code(
    device: Annotated[str, typer.Argument(help="Id of a gate or controller, for example gate-1.")],
) -> None:
    """Print a new one-time code for a device that is registered."""
    from server.devices import actions
    from server.kernel.principal import Principal

    def make(office: "Office") -> str:
        with office.begin(Principal.system("enrol-code")) as work:
            return actions.make_code(work, device).code

    print(_with_office(_checked(), make))  # noqa: T201  nothing but the code, for scripts


@app.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API."""
    from server.app import create_app, document

    print(json.dumps(document(create_app(_settings())), indent=2, ensure_ascii=False))  # noqa: T201


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"  {'GENKAN_' + str(each['loc'][0]).upper() + ': ' if each['loc'] else ''}"
            f"{each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False)
        ]
        _fail("The settings are not right:\n" + "\n".join(lines))


def _checked() -> Settings:
    return _check_database(_settings())


def _check_database(settings: Settings) -> Settings:
    from server.kernel.database import open_database
    from server.kernel.schema import is_current

    engine = open_database(settings.database)
    current = is_current(engine)
    engine.dispose()
    if not current:
        _fail("The database is not at the version of this program. Run: python -m server init")
    return settings


def _migrate() -> None:
    from server.kernel.database import open_database
    from server.kernel.schema import migrate as run_migrations

    engine = open_database(_settings().database)
    with screen.status("Migrating the database…"):
        run_migrations(engine)
    engine.dispose()


def _with_office(settings: Settings, do: "Callable[[Office], T]") -> T:
    from server.app import create_office

    office = create_office(settings)
    try:
        return do(office)
    except ValidationError as error:
        wrong = [
            f"  {'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False)
        ]
        _fail("Please check what was entered:\n" + "\n".join(wrong))
    except GenkanError as error:
        _fail(error.detail)
    finally:
        office.close()


def _fail(why: str) -> NoReturn:
    trouble.print(why, style="red", highlight=False, markup=False)
    raise typer.Exit(1)
