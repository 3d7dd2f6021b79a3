"""The commands that run the server, whole or by its processes, and what phones must trust to reach it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from server.command_line.terminal import checked, fail, screen, trouble

app = typer.Typer()


@app.command()
def serve() -> None:
    """Run everything on this machine: broker, worker, web and live, until Ctrl-C."""
    from server.processes import serve as process
    from server.processes.ports import PortTaken

    settings = checked()
    try:
        process.run(settings, lambda line: screen.print(line, highlight=False))
    except (process.NotReady, PortTaken) as error:
        fail(str(error))


@app.command()
def web() -> None:
    """Run the web process: pages and API."""
    from server.processes import web as process
    from server.processes.ports import PortTaken
    from server.processes.tls import NoCertificate

    try:
        process.run(checked())
    except (PortTaken, NoCertificate) as error:
        fail(str(error))


@app.command()
def worker() -> None:
    """Run the worker process: devices' messages, what is to be sent, and timers."""
    from server.processes import worker as process

    process.run(checked())


@app.command()
def live() -> None:
    """Run the live process: the event streams of open pages."""
    from server.processes import live as process
    from server.processes.ports import PortTaken
    from server.processes.tls import NoCertificate

    try:
        process.run(checked())
    except (PortTaken, NoCertificate) as error:
        fail(str(error))


@app.command()
def plain() -> None:
    """Answer plain HTTP beside HTTPS: the page that says how to trust us, and the way to HTTPS."""
    from server.processes import plain as process
    from server.processes.ports import PortTaken

    try:
        process.run(checked())
    except PortTaken as error:
        fail(str(error))


@app.command(name="mail-in")
def mail_in() -> None:
    """Receive the answers that visitors send to our mails, where GENKAN_MAIL_IN says."""
    from server.processes import mail_in as process
    from server.processes.ports import PortTaken

    try:
        process.run(checked())
    except (PortTaken, process.NotSet) as error:
        fail(str(error))


@app.command()
def trust(
    file: Annotated[
        Path | None, typer.Option("--file", help="Write the certificate there instead (PEM).")
    ] = None,
) -> None:
    """Print the certificate that phones and computers must trust where GENKAN_WEB_TLS=own."""
    from server.devices.authority import pem_certificate
    from server.processes import tls

    settings = checked()
    if settings.web_tls != "own":
        fail("Nothing has to be trusted: GENKAN_WEB_TLS is not own.")
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
        fail(f"{file} cannot be written: {error.strerror}")
    trouble.print(f"Written to {file}", highlight=False)


@app.command()
def broker() -> None:
    """Run Mosquitto with the passwords and rights of the devices that the database knows."""
    from server.processes import broker as process
    from server.processes.ports import PortTaken

    try:
        raise typer.Exit(process.run(checked()))
    except (process.MosquittoIsMissing, PortTaken) as error:
        fail(str(error))
