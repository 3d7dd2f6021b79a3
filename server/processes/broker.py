"""The broker process: Mosquitto, with the rights of the devices that the database knows, and its own certificate."""

import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from server.devices import broker_configuration, certification
from server.kernel import logs
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.processes import ports
from server.processes.orphans import ending_with_this_process
from server.processes.stopping import stop_signal

log = structlog.get_logger(__name__)

LOOKED_EVERY = timedelta(seconds=0.5)
"""How soon a device that was just enrolled, or removed, is let in or kept out."""
STOPPED_WITHIN = 5


class MosquittoIsMissing(Exception):
    """The program `mosquitto` is not installed."""


def run(settings: Settings) -> int:
    """Run Mosquitto until told to stop; returns its exit code when it ends by itself. Raises `PortTaken`."""
    logs.configure(settings.log_level, settings.log_format, "broker")
    stopping = stop_signal()
    listening = ports.broker(settings)
    listening.check()
    office = Office(settings)
    folder = settings.data_folder / "broker"
    _prepare(office, folder / broker_configuration.CONFIGURATION)
    process = subprocess.Popen(
        [_program(), "-c", str(folder / broker_configuration.CONFIGURATION)],
        # Ctrl-C goes to every process of the terminal; the broker should be the last to stop.
        start_new_session=True,
        preexec_fn=ending_with_this_process(),  # noqa: PLW1509  no other thread runs yet
    )
    try:
        ready = False
        while not stopping.wait(LOOKED_EVERY.total_seconds() if ready else 0.05):
            if not ready and process.poll() is None and listening.is_answered():
                ready = True
                print("broker ready", flush=True)  # noqa: T201  `serve` waits for this line
            if process.poll() is not None:
                log.error("mosquitto ended", code=process.returncode)
                return process.returncode or 1
            if _renewed(office):
                process.send_signal(signal.SIGHUP)
                log.info("the broker was told of new rights, revocations or its new certificate")
        return 0
    finally:
        _stop(process)
        office.close()


def write_files(office: Office) -> bool:
    """Write the configuration, certificates and rights; tell whether anything changed."""
    with office.reading(Principal.system("broker")) as work:
        files = broker_configuration.broker_files(work, office.settings.data_folder / "broker")
    return broker_configuration.write(files)


def _prepare(office: Office, configuration: Path) -> None:
    """Write the files; where the database is away, those of the last time serve until it is back."""
    try:
        with office.begin(Principal.system("broker")) as work:
            # The first who needs the authority makes it, and to look at the files alone makes nothing.
            certification.authority(work)
        write_files(office)
    except (OperationalError, InterfaceError) as error:
        if not configuration.exists():
            raise
        log.warning(
            "the database is away: as it was the last time", error=type(error.orig).__name__
        )


def _renewed(office: Office) -> bool:
    """Write what changed; where the database is away, everybody who has rights keeps them.

    Doors are opened over the broker also while the database is restarted, so it must not end with it.
    """
    try:
        return write_files(office)
    except (OperationalError, InterfaceError) as error:
        log.warning("the database is away: the broker goes on", error=type(error.orig).__name__)
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _program() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MosquittoIsMissing("Mosquitto is not installed: apt-get install mosquitto")
    return found
