"""Everything about the server that a site can set, each by an environment variable `GENKAN_…`."""

import contextlib
import os
import re
import secrets
import threading
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AnyHttpUrl, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from server.kernel.destinations import Destinations

SHORTEST_SECRET = 32
"""Characters that `secret_key` and `master_key` need at least, outside the demo."""

_PLACEHOLDERS = ("change", "default", "example", "secret", "password", "genkan", "todo", "your-")
_ICE_URL = re.compile(r"(stun|turn)s?:[A-Za-z0-9.:\[\]-]+(\?transport=(udp|tcp))?")
"""RFC 7064 and RFC 7065."""
_HOW = "Make one with: python -m server make-secret"

Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """The server's settings; the environment wins over the file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="GENKAN_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    data_folder: Path = Field(
        default=Path("data"),
        description="Folder for the SQLite file, caught mail and the broker's generated files.",
    )
    database_url: str = Field(
        default="",
        description=(
            "SQLAlchemy URL of the database: sqlite:///file or postgresql://user:password@host/name. "
            "Empty: the file genkan.sqlite3 in the data folder."
        ),
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""), description="Signs cookies and links; at least 32 random characters."
    )
    master_key: SecretStr = Field(
        default=SecretStr(""),
        description="Seals private keys in the database; at least 32 random characters. Losing it loses them.",
    )
    previous_master_key: SecretStr = Field(
        default=SecretStr(""),
        description="The master key before the present one, while keys are sealed anew.",
    )
    demo: bool = Field(
        default=False,
        description="Demo site: missing secrets are made up and kept in the data folder. Never for a real door.",
    )
    base_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("http://localhost:8080"),
        description="Where visitors and staff reach the web process; links in mails begin with it.",
    )
    live_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("http://localhost:8081"),
        description="Where browsers reach the live process for event streams.",
    )
    web_host: str = Field(
        default="127.0.0.1", description="Address on which the web process listens."
    )
    web_port: Port = Field(default=8080, description="Port of the web process.")
    live_host: str = Field(
        default="127.0.0.1", description="Address on which the live process listens."
    )
    live_port: Port = Field(default=8081, description="Port of the live process.")
    web_tls: Literal["off", "own", "files"] = Field(
        default="off",
        description=(
            "How web and live serve HTTPS: off (a reverse proxy does, or nobody), own (by our own authority, "
            "which people trust once, see /trust), files (by the certificate in GENKAN_WEB_CERTIFICATE)."
        ),
    )
    web_certificate: Path | None = Field(
        default=None,
        description="With files: the certificate, followed by those between it and its authority (PEM).",
    )
    web_key: Path | None = Field(
        default=None, description="With files: the certificate's private key (PEM)."
    )
    web_names: str = Field(
        default="",
        description=(
            "With own: further host names and addresses of web and live, with commas between. "
            "If they change, everybody has to trust the new authority again."
        ),
        pattern=r"^$|^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$",
    )
    plain_port: Port = Field(
        default=0,
        description=(
            "Port for plain HTTP on the web process's address: it gives /trust, "
            "and sends everything else to GENKAN_BASE_URL. 0: none."
        ),
    )
    worker_wake: str = Field(
        default="127.0.0.1:8082",
        description="host:port (UDP) where the worker is woken after a commit; empty: polling only.",
        pattern=r"^$|^[^:\s]+:\d{1,5}$",
    )
    broker_host: str = Field(
        default="127.0.0.1", description="Host of the MQTT broker, as seen from the server."
    )
    broker_port: Port = Field(default=18830, description="Port of the MQTT broker.")
    broker_listen: str = Field(
        default="127.0.0.1",
        description="Address on which the broker that we start listens; 0.0.0.0 lets devices in.",
    )
    broker_names: str = Field(
        default="",
        description=(
            "Further host names and addresses by which devices reach the broker, with commas between; "
            "its certificate is made for them too."
        ),
        pattern=r"^$|^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$",
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "smtp://user:password@host:587 (STARTTLS) or smtps://…; "
            "empty: mail is caught and shown in the panel."
        ),
    )
    mail_from: str = Field(
        default="Genkan <reception@genkan.example>",
        description="Sender of the mails to visitors and hosts.",
    )
    mail_in: str = Field(
        default="",
        description=(
            "Where visitors' answers to our mails are received, from your own mail server: "
            "lmtp://127.0.0.1:8024 or smtp://127.0.0.1:8025; empty: nowhere."
        ),
        pattern=r"^$|^(smtp|lmtp)://[A-Za-z0-9.:\[\]-]+:[0-9]{1,5}$",
    )
    mail_in_address: str = Field(
        default="",
        description=(
            "The address of which your mail server forwards everything with a plus there: visits@reception.example "
            "makes visits+…@reception.example the address for answers, another for each visitor."
        ),
        pattern=r"^$|^[A-Za-z0-9._-]{1,20}@[A-Za-z0-9.-]+$",
    )
    outbound_allowed: str = Field(
        default="",
        description=(
            "Private networks, with commas between, that hosts' push endpoints and messengers may be in; "
            "empty: public addresses only."
        ),
    )
    outbound_ca_file: Path | None = Field(
        default=None,
        description="PEM file of further authorities to trust when hosts' push endpoints and messengers are reached.",
    )
    line_api_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("https://api.line.me"),
        description="Where LINE's Messaging API is reached.",
    )
    wecom_api_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("https://qyapi.weixin.qq.com"),
        description="Where the API of WeChat Work (WeCom) is reached.",
    )
    turn_urls: str = Field(
        default="",
        description=(
            "Servers that help calls from chats between networks, with commas between: "
            "turn:turn.company:3478,turns:turn.company:5349,stun:turn.company:3478; "
            "empty: calls work within one network."
        ),
    )
    turn_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The secret that the TURN server shares with us (coturn: static-auth-secret).",
    )
    web_processes: int = Field(
        default=1, ge=1, le=64, description="Processes that serve web requests."
    )
    web_threads: int = Field(
        default=256,
        ge=1,
        le=1024,
        description="Threads of each web process; slow clients hold one each.",
    )
    session_lifetime: timedelta = Field(
        default=timedelta(hours=12), description="How long a sign-in lasts without being used."
    )
    session_longest: timedelta = Field(
        default=timedelta(days=7),
        description="How long a sign-in lasts at most, however much it is used.",
    )
    no_show_after: timedelta = Field(
        default=timedelta(),
        description=(
            "A visitor who has not come so long after the appointment's beginning is called a no-show. "
            "0: only when the appointment is over."
        ),
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=5,
        description="Reverse proxies before the web process whose headers are believed.",
    )
    largest_request: int = Field(
        default=2 * 1024 * 1024, ge=64 * 1024, description="Bytes a request's body may have."
    )
    limits_factor: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        description="How many times the usual number of requests one address may send; raise it for large sites.",
    )
    default_language: Literal["ja", "en", "zh"] = Field(
        default="en", description="Language where neither the person nor the browser names one."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe lines that are logged."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="console for people, json for log collectors."
    )

    @field_validator("turn_urls")
    @classmethod
    def _turn_urls_are_urls(cls, urls: str) -> str:
        for each in filter(None, (url.strip() for url in urls.split(","))):
            if not _ICE_URL.fullmatch(each):
                raise ValueError("must be stun:host:port, turn:host:port or turns:host:port")
        return urls

    @field_validator("outbound_allowed")
    @classmethod
    def _networks_are_networks(cls, networks: str) -> str:
        Destinations.of(networks)
        return networks

    @model_validator(mode="after")
    def _secrets_are_real(self) -> Self:
        for name in ("secret_key", "master_key"):
            value: str = getattr(self, name).get_secret_value()
            if self.demo and not value:
                setattr(self, name, SecretStr(_demo_secret(self.data_folder, name)))
            elif not self.demo:
                _check_secret(f"GENKAN_{name.upper()}", value)
        if not self.demo and self.secret_key == self.master_key:
            raise ValueError(f"GENKAN_SECRET_KEY and GENKAN_MASTER_KEY must differ. {_HOW}")
        return self

    @model_validator(mode="after")
    def _https_is_complete(self) -> Self:
        if self.web_tls == "off":
            return self
        for name in ("base_url", "live_url"):
            if getattr(self, name).scheme != "https":
                raise ValueError(
                    f"GENKAN_{name.upper()} must begin with https:// where GENKAN_WEB_TLS is set."
                )
        if self.web_tls == "files" and not (self.web_certificate and self.web_key):
            raise ValueError(
                "GENKAN_WEB_TLS=files needs GENKAN_WEB_CERTIFICATE and GENKAN_WEB_KEY."
            )
        return self

    @model_validator(mode="after")
    def _turn_is_complete(self) -> Self:
        relays = any(each.strip().startswith("turn") for each in self.turn_urls.split(","))
        if relays and not self.turn_secret.get_secret_value():
            raise ValueError(
                "GENKAN_TURN_URLS names a TURN server, which needs GENKAN_TURN_SECRET."
            )
        return self

    @model_validator(mode="after")
    def _mail_in_has_an_address(self) -> Self:
        if bool(self.mail_in) != bool(self.mail_in_address):
            raise ValueError(
                "GENKAN_MAIL_IN and GENKAN_MAIL_IN_ADDRESS belong together: where answers to our mails are received, "
                "and the address that visitors answer to, for example visits@reception.example."
            )
        return self

    @property
    def https_for_good(self) -> bool:
        """Whether browsers may be told to come over HTTPS only, for a year and without a way around.

        Not with our own authority: a phone that does not trust it yet, or no longer, must reach /trust.
        """
        return self.secure_cookies and self.web_tls != "own"

    @property
    def web_hosts(self) -> list[str]:
        """The names and addresses by which browsers reach web and live, the one of the pages first."""
        named = [self.base_url.host or "", self.live_url.host or "", *self.web_names.split(",")]
        # As a URL writes it, an IPv6 address stands in brackets.
        return list(dict.fromkeys(name.strip("[]").lower() for name in named if name))

    @property
    def database(self) -> str:
        """The database's URL, with the default file filled in and PostgreSQL's driver named."""
        url = self.database_url or f"sqlite:///{self.data_folder.absolute() / 'genkan.sqlite3'}"
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are sent over HTTPS only: wherever the site is reached over HTTPS."""
        return self.base_url.scheme == "https"


def _demo_secret(folder: Path, name: str) -> str:
    """Return the demo's own secret, made once and kept, so that all processes and restarts agree."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"demo-{name.replace('_', '-')}"
    fresh = folder / f".{path.name}.{os.getpid()}.{threading.get_ident()}"
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
        # A link appears whole or not at all: of several processes that start at once, one wins.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text(encoding="ascii")


def _check_secret(variable: str, value: str) -> None:
    if not value:
        raise ValueError(f"{variable} is not set. {_HOW}")
    if len(value) < SHORTEST_SECRET:
        raise ValueError(f"{variable} is shorter than {SHORTEST_SECRET} characters. {_HOW}")
    if len(set(value)) < SHORTEST_SECRET // 3 or any(
        word in value.lower() for word in _PLACEHOLDERS
    ):
        raise ValueError(f"{variable} looks like a placeholder, not like a random secret. {_HOW}")
