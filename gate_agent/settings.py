"""What can be set about a gate: in a TOML file, and by environment variables (GENKAN_GATE_…)."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import type_info
from msgspec.structs import fields, replace

from access_protocol.wording import Language
from gate_agent.camera.opening import CameraSpecification
from gate_agent.scanner import ScannerSpecification

PREFIX = "GENKAN_GATE_"
LONGEST_FILE = 1 << 20
"""Bytes; a settings file is a page or two."""

PinNumber = Annotated[int, Meta(ge=0, le=27)]
Slug = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}\Z")]
Port = Annotated[int, Meta(ge=0, le=65535)]


class UnusableSettings(ValueError):
    """Which settings cannot be used, and why; `whys` has one sentence for each."""

    def __init__(self, *whys: str) -> None:
        """Each of `whys` begins with the setting's name."""
        super().__init__("; ".join(whys))
        self.whys = whys


class Arrow(StrEnum):
    """Where the way in lies, seen by somebody who reads the display."""

    AHEAD = "ahead"
    LEFT = "left"
    RIGHT = "right"


class ReaderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reader: a camera or a scan engine at an access point."""

    access_point: Annotated[
        Slug | None,
        Meta(
            description="The access point this reader is at, as the server names it. It may be "
            "left out where the gate has one reader and the server gives it one access point."
        ),
    ] = None
    camera: Annotated[
        str,
        Meta(
            description="Where the frames come from: 0 for the first webcam, /dev/v4l/by-id/…, "
            "picamera:0, stream:rtsp://…, replay:FOLDER-OR-VIDEO or watch:FOLDER."
        ),
    ] = "0"
    scanner: Annotated[
        str | None,
        Meta(
            description="A 2D scan engine instead of a camera: serial:/dev/serial/by-id/… or "
            "hid:/dev/input/by-id/…?layout=us."
        ),
    ] = None
    arrow: Annotated[
        Arrow,
        Meta(description="Where the display's arrow points at a welcome: ahead, left or right."),
    ] = Arrow.AHEAD

    def __post_init__(self) -> None:
        """Raise ValueError where the camera's or the scanner's specification cannot be used."""
        try:
            CameraSpecification.parse(self.camera)
        except ValueError as why:
            raise ValueError(f"camera: {why}") from why
        if self.scanner is None:
            return
        if self.camera != "0":
            raise ValueError("scanner: a reader has a camera or a scanner, not both")
        try:
            ScannerSpecification.parse(self.scanner)
        except ValueError as why:
            raise ValueError(f"scanner: {why}") from why

    @property
    def source(self) -> str:
        """The specification of the device that this reader reads with."""
        return self.camera if self.scanner is None else self.scanner


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of the gate agent. The environment wins over the file."""

    server_url: Annotated[
        str, Meta(description="Where the server's pages are, such as https://genkan.example.")
    ] = ""
    data_folder: Annotated[
        Path, Meta(description="Where the gate keeps its identity, what it knows and its journal.")
    ] = Path("gate-data")
    readers: Annotated[
        tuple[ReaderSettings, ...],
        Meta(description="The readers: each with its access_point and camera."),
    ] = ()
    language: Annotated[Language, Meta(description="The language at the gate: ja, en or zh.")] = (
        Language.JA
    )
    battery_clock: Annotated[
        bool,
        Meta(description="Whether the machine has a battery-backed clock that can be trusted."),
    ] = False
    journal_days: Annotated[
        int,
        Meta(
            ge=21,
            le=3650,
            description="How many days journal entries stay after the server has them; "
            "longer than any visit.",
        ),
    ] = 30
    broker_host: Annotated[
        str, Meta(description="The broker's address where it is not the one given at enrolment.")
    ] = ""
    broker_port: Annotated[
        Port, Meta(description="The broker's port where it is not the one given at enrolment.")
    ] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="How much is logged on standard error."),
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"],
        Meta(description="Log lines for people, or JSON lines for a collector."),
    ] = "console"
    display_port: Annotated[
        Port | None,
        Meta(
            description="Port of the gate's display on this machine alone: "
            "http://127.0.0.1:PORT/ACCESS-POINT. Unset: no display; 0: any free port."
        ),
    ] = None
    display_languages: Annotated[
        tuple[Language, ...],
        Meta(
            min_length=1,
            max_length=3,
            description="The languages that take turns on the display, the gate's own first.",
        ),
    ] = (Language.JA, Language.EN, Language.ZH)
    display_sound: Annotated[
        bool, Meta(description="Whether the display plays tones for granted and refused.")
    ] = True
    green_pin: Annotated[
        PinNumber | None, Meta(description="BCM number of the pin of the green lamp.")
    ] = None
    red_pin: Annotated[
        PinNumber | None, Meta(description="BCM number of the pin of the red lamp.")
    ] = None
    buzzer_pin: Annotated[
        PinNumber | None, Meta(description="BCM number of the pin of the buzzer.")
    ] = None
    ring_pins: Annotated[
        tuple[PinNumber, PinNumber, PinNumber] | None,
        Meta(description="BCM numbers of the LED ring's red, green and blue pins."),
    ] = None
    ring_common_anode: Annotated[
        bool, Meta(description="Whether the LED ring's common wire is the positive one.")
    ] = False

    def __post_init__(self) -> None:
        """Raise ValueError where settings do not go together."""
        points = [reader.access_point for reader in self.readers]
        if len(points) > 1 and None in points:
            raise ValueError("with several readers each needs its access_point")
        if len(set(points)) != len(points):
            raise ValueError("each access point can have one reader only")
        single = (self.green_pin, self.red_pin, self.buzzer_pin)
        pins = [pin for pin in (*single, *(self.ring_pins or ())) if pin is not None]
        if len(set(pins)) != len(pins):
            raise ValueError("each pin can have one use only: green, red, buzzer or ring")


@dataclass(frozen=True, slots=True)
class Described:
    """One setting: what it is unless set, and what it is for."""

    default: object
    what: str


def described(form: type[Struct]) -> dict[str, Described]:
    """Return the settings of `Settings` or `ReaderSettings` by their names."""
    return {
        field.name: Described(field.default, _description(field.type)) for field in fields(form)
    }


def as_text(settings: Settings) -> str:
    """Return the settings in a form for `from_text`."""
    return msgspec.json.encode(settings, enc_hook=str).decode()


def from_text(text: str) -> Settings:
    """Return the settings that `as_text` wrote."""
    return msgspec.json.decode(text, type=Settings, dec_hook=_path)


def load_settings(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises OSError, tomllib.TOMLDecodeError or `UnusableSettings`."""
    told: dict[str, tuple[object, bool]] = {}
    if file is not None:
        told = {name: (value, True) for name, value in _file(file).items()}
    for name, text in environment.items():
        # An empty variable is one that a container's file passes on without a value.
        if name.startswith(PREFIX) and text:
            told[name.removeprefix(PREFIX).lower()] = (text, False)
    known = {field.name: field for field in fields(Settings)}
    values: dict[str, Any] = {}
    whys: list[str] = []
    for name, (value, strict) in told.items():
        field = known.get(name)
        if field is None:
            whys.append(f"{name}: there is no such setting")
            continue
        try:
            values[name] = _converted(value, field.type, strict=strict)
        except msgspec.MsgspecError as error:
            whys.append(f"{_named(name, str(error))} ({_description(field.type)})")
    if whys:
        raise UnusableSettings(*whys)
    try:
        return Settings(**values)
    except ValueError as why:
        raise UnusableSettings(str(why)) from why


def with_camera(settings: Settings, camera: str) -> Settings:
    """Return the settings with another camera for the first reader. Raises ValueError."""
    if not settings.readers:
        raise ValueError("--camera needs a reader in the settings: which access point is it at?")
    first, *others = settings.readers
    CameraSpecification.parse(camera)
    return replace(settings, readers=(replace(first, camera=camera, scanner=None), *others))


def _file(file: Path) -> dict[str, object]:
    with file.open("rb") as stream:
        content = stream.read(LONGEST_FILE + 1)
    if len(content) > LONGEST_FILE:
        raise UnusableSettings(f"{file}: more than {LONGEST_FILE} bytes are no settings")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise UnusableSettings(f"{file}: it is not UTF-8 text") from error


def _converted(value: object, form: Any, *, strict: bool) -> object:  # noqa: ANN401 - a type
    """Return the value of one setting; text from the environment is JSON where it is a list."""
    if isinstance(value, str) and not strict and value[:1] in {"[", "{"} and not _is_text(form):
        value = msgspec.json.decode(value)
    return msgspec.convert(value, form, strict=strict, dec_hook=_path)


def _path(form: type, value: object) -> object:
    if form is Path and isinstance(value, str):
        return Path(value)
    raise ValueError("Expected a path")


def _is_text(form: Any) -> bool:  # noqa: ANN401 - a type
    bare = get_args(form)[0]
    return bare in {str, Path}


def _description(form: Any) -> str:  # noqa: ANN401 - a type
    schema: dict[str, str] = getattr(type_info(form), "extra_json_schema", None) or {}
    return schema.get("description", "")


def _named(name: str, told: str) -> str:
    """Return msgspec's message with the setting's full name first: ``readers.0.camera: …``."""
    message, _, place = told.partition(" - at `$")
    return ".".join([name, *_steps(place.rstrip("`"))]) + f": {message}"


def _steps(place: str) -> Iterator[str]:
    for number, field in re.findall(r"\[(\d+|\.\.\.)\]|\.(\w+)", place):
        yield number or field
