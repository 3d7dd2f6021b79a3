"""Receives the answers that visitors send to our mails: SMTP or LMTP, for the company's own mail server to forward to.

It listens where GENKAN_MAIL_IN says, on this machine or a trusted network, and takes mail for addresses that we gave
out, one at a time. Whether the sender is who they say (SPF, DKIM, DMARC), and spam, is the mail server's before us:
what it lets through is read as coming from whoever holds the address.
"""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from server.app import create_office
from server.conversations import incoming, mail_reading
from server.conversations.incoming import NobodysAddress
from server.conversations.mail_reading import Unreadable
from server.kernel import logs
from server.kernel.errors import Conflict, GenkanError, Invalid, TooMany
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.processes import ports
from server.processes.stopping import stop_signal
from server.visits import actions as visits

log = structlog.get_logger(__name__)

THREADS = 2
"""Mails read at the same time: pictures in them need memory."""
_TAKEN = "250 2.0.0 Taken"


class NotSet(Exception):
    """No setting says where to listen."""


@dataclass(frozen=True)
class Address:
    """Where mail is received, and how."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, settings: Settings) -> "Address":
        """Read the setting; its form was checked with the settings."""
        parts = urlsplit(settings.mail_in)
        return cls(parts.scheme, parts.hostname or "127.0.0.1", parts.port or 0)


class Receiver:
    """What aiosmtpd asks at each step of a mail's coming."""

    def __init__(self, office: Office) -> None:
        """Take mails into the office's conversations."""
        self._office = office
        self._threads = ThreadPoolExecutor(THREADS, "mail-in")

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take one recipient whose address we gave out."""
        if envelope.rcpt_tos:
            # Each recipient would need an answer of its own after the text (RFC 2033, 4.2).
            return "452 4.5.3 One recipient at a time"
        settings, sealer = self._office.settings, self._office.sealer
        if visits.visitor_at(settings, sealer, address) is None:
            return "550 5.1.1 No such address"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take the mail."""
        raw = envelope.content
        if not isinstance(raw, bytes):
            return "554 5.6.0 No bytes came"
        if not (envelope.mail_from or "").strip("<>"):
            # A bounce (RFC 5321, 4.5.5): taken and dropped, for an answer would come back again.
            return _TAKEN
        running = asyncio.get_running_loop()
        return await running.run_in_executor(self._threads, self.take, envelope.rcpt_tos[0], raw)

    def take(self, address: str, raw: bytes) -> str:
        """Take one mail, and return what the mail server is answered."""
        try:
            letter = mail_reading.read(raw)
        except Unreadable as error:
            log.warning("a mail could not be read", why=str(error), size=len(raw))
            return "554 5.6.0 This message cannot be read; please write on your visit page"
        checked, refused = ([], []) if letter.is_automatic else incoming.check_files(letter)
        try:
            with self._office.begin(Principal.system("mail-in")) as work:
                said = incoming.take_mail(work, address, letter, checked, refused)
        except NobodysAddress:
            return "550 5.1.1 No such address"
        except TooMany:
            return "451 4.7.0 Too much at once, try again later"
        except (Conflict, Invalid) as error:
            log.info("a mail was refused", why=str(error))
            return "554 5.6.0 This message cannot be taken; please write on your visit page"
        except GenkanError as error:
            log.warning("a mail was not taken", error=type(error).__name__)
            return "451 4.3.0 Try again later"
        log.info("took a mail", said=said is not None, files=len(checked), refused=len(refused))
        return _TAKEN

    def close(self) -> None:
        """Wait until what is being read is read."""
        self._threads.shutdown()


class Server:
    """Listens for mail, on a loop in a thread of its own; `with` it, and it takes mail from `port`."""

    def __init__(self, office: Office, address: Address) -> None:
        """Receive for an office at an address; port 0 is any free one."""
        self._receiver = Receiver(office)
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-in", daemon=True)
        self._listening: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._listening is None:
            raise RuntimeError("not started")
        return int(self._listening.sockets[0].getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._receiver.close()

    async def _listen(self) -> asyncio.Server:
        address = self._address
        return await self._loop.create_server(self._protocol, address.host, address.port)

    async def _stop(self) -> None:
        if self._listening is not None:
            self._listening.close()
        mine = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not mine:
                task.cancel()
                await asyncio.wait([task])

    def _protocol(self) -> SMTP:
        made = LMTP if self._address.scheme == "lmtp" else SMTP
        return made(
            self._receiver,
            data_size_limit=incoming.LONGEST_LETTER,
            enable_SMTPUTF8=True,
            hostname=socket.gethostname(),
            ident="Genkan",
            loop=self._loop,
        )


def run(settings: Settings) -> None:
    """Receive until told to stop; raises `PortTaken`, and `NotSet` where nothing says where to listen."""
    if not settings.mail_in:
        raise NotSet(
            "Set GENKAN_MAIL_IN, for example lmtp://127.0.0.1:8024, and GENKAN_MAIL_IN_ADDRESS."
        )
    logs.configure(settings.log_level, settings.log_format, "mail-in")
    ports.mail_in(settings).check()
    stopping = stop_signal()
    with closing(create_office(settings)) as office, Server(office, Address.of(settings)):
        print("mail-in ready", flush=True)  # noqa: T201  `serve` waits for this line
        stopping.wait()
