"""The commands of an administrator at a terminal: accounts, devices, keys, and the description of the API."""

import json
import secrets
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from server.command_line.terminal import checked, read_settings, screen, with_office

if TYPE_CHECKING:
    from server.kernel.work import Office

app = typer.Typer()


@app.command("make-secret")
def make_secret() -> None:
    """Print a fresh secret for GENKAN_SECRET_KEY or GENKAN_MASTER_KEY."""
    print(secrets.token_urlsafe(48))  # noqa: T201  nothing but the secret, for scripts


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

    settings = checked()
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

    with_office(settings, add)
    screen.print(f"{email} can sign in at {settings.base_url}", highlight=False)


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

    print(with_office(checked(), add))  # noqa: T201  nothing but the code, for scripts


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

    print(with_office(checked(), make))  # noqa: T201  nothing but the code, for scripts


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

    with_office(checked(), rotate)
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

    with_office(checked(), rotate)
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

    with_office(checked(), rotate)
    screen.print(f"The codes of {access_point} come from a new key. Its own gate learns it now.")


@app.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API."""
    from server.app import create_app, document

    print(json.dumps(document(create_app(read_settings())), indent=2, ensure_ascii=False))  # noqa: T201
