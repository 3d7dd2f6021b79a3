"""Sends messages to a mail server (SMTP, RFC 5321), over TLS unless the setting says otherwise."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from server.kernel.outbox import Outgoing, SendFailed
from server.kernel.sealing import Sealer
from server.notifications.rules import unsealed

TIMEOUT_SECONDS = 20
"""For each answer of the server; well below the lease of an outbox row."""
_PERMANENT = 500
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    implicit_tls: bool
    """TLS from the first byte (`smtps`); otherwise STARTTLS is demanded."""
    plain: bool = False
    """Neither: `smtp://host?tls=off`, for a relay on the same machine; never with a password."""
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the server that `smtp://user:password@host:587` or `smtps://…` names; ValueError otherwise."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("GENKAN_SMTP_URL must look like smtp://user:password@host:587")
        query = parse_qs(parts.query)
        plain = query.get("tls") == ["off"]
        if query and not plain:
            raise ValueError("GENKAN_SMTP_URL knows one option only: ?tls=off")
        if plain and (parts.password or parts.scheme == "smtps"):
            raise ValueError("GENKAN_SMTP_URL: no password without TLS; leave ?tls=off out")
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            plain=plain,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


class SmtpSender:
    """The sender of outbox rows of kind `mail`: one connection a message."""

    def __init__(
        self, server: MailServer, sender: str, sealer: Sealer, trust: ssl.SSLContext | None = None
    ) -> None:
        """Send as `sender`; `trust` names other authorities than the system's."""
        self._server, self._sealer = server, sealer
        self._from = parseaddr(sender)[1]
        self._trust = trust or ssl.create_default_context()

    def __call__(self, row: Outgoing) -> None:
        """Hand the row's message over, or raise `SendFailed`."""
        message = unsealed(self._sealer, row)
        try:
            with self._connected() as connection:
                connection.sendmail(self._from, [row.destination], message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise SendFailed(
                f"the mail server refused the address ({code})", final=code >= _PERMANENT
            ) from error
        except smtplib.SMTPAuthenticationError as error:
            raise SendFailed(f"the mail server refused the sign-in ({error.smtp_code})") from error
        except smtplib.SMTPResponseException as error:
            # Without the server's text: it may repeat what was sent.
            raise SendFailed(
                f"the mail server answered {error.smtp_code}", final=error.smtp_code >= _PERMANENT
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise SendFailed(f"the mail server cannot be reached: {error}") from error

    def _connected(self) -> smtplib.SMTP:
        where = self._server
        if where.implicit_tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                where.host, where.port, timeout=TIMEOUT_SECONDS, context=self._trust
            )
        else:
            connection = smtplib.SMTP(where.host, where.port, timeout=TIMEOUT_SECONDS)
        try:
            if not where.implicit_tls and not where.plain:
                connection.starttls(context=self._trust)
            if where.user:
                connection.login(where.user, where.password)
        except BaseException:
            connection.close()
            raise
        return connection
