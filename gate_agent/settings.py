"""What can be set about a gate: in a TOML file, and by environment variables (GENKAN_GATE_…)."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from access_protocol.wording import Language
from gate_agent.camera.opening import CameraSpecification

PinNumber = Annotated[int, Field(ge=0, le=27)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]


class ReaderSettings(BaseModel):
    """One reader: a camera at an access point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    access_point: Slug = Field(
        description="The access point this camera looks at, as the server names it."
    )
    camera: str = Field(
        default="0",
        description="Where the frames come from: 0 for the first webcam, /dev/v4l/by-id/…, "
        "replay:FOLDER-OR-VIDEO or watch:FOLDER.",
    )

    @field_validator("camera")
    @classmethod
    def _camera_is_known(cls, text: str) -> str:
        CameraSpecification.parse(text)
        return text


class Settings(BaseSettings):
    """Every setting of the gate agent. The environment wins over the file."""

    model_config = SettingsConfigDict(
        env_prefix="GENKAN_GATE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )
    toml: ClassVar[Path | None] = None

    server_url: str = Field(
        default="", description="Where the server's pages are, such as https://genkan.example."
    )
    data_folder: Path = Field(
        default=Path("gate-data"),
        description="Where the gate keeps its identity, what it knows and its journal.",
    )
    readers: tuple[ReaderSettings, ...] = Field(
        default=(), description="The readers: each with its access_point and camera."
    )
    language: Language = Field(
        default=Language.JA, description="The language at the gate: ja, en or zh."
    )
    battery_clock: bool = Field(
        default=False,
        description="Whether the machine has a battery-backed clock that can be trusted.",
    )
    journal_days: Annotated[int, Field(ge=21, le=3650)] = Field(
        default=30,
        description="How many days journal entries stay after the server has them; longer than any visit.",
    )
    broker_host: str = Field(
        default="", description="The broker's address where it is not the one given at enrolment."
    )
    broker_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="The broker's port where it is not the one given at enrolment."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much is logged on standard error."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="Log lines for people, or JSON lines for a collector."
    )
    green_pin: PinNumber | None = Field(
        default=None, description="BCM number of the pin of the green lamp."
    )
    red_pin: PinNumber | None = Field(
        default=None, description="BCM number of the pin of the red lamp."
    )
    buzzer_pin: PinNumber | None = Field(
        default=None, description="BCM number of the pin of the buzzer."
    )

    @model_validator(mode="after")
    def _one_reader_an_access_point(self) -> Self:
        points = [reader.access_point for reader in self.readers]
        if len(set(points)) != len(points):
            raise ValueError("each access point can have one reader only")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its form is given
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its form is given
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the file."""
        file = TomlConfigSettingsSource(settings_cls, cls.toml) if cls.toml else None
        return tuple(filter(None, (init_settings, env_settings, file)))


def load_settings(file: Path | None) -> Settings:
    """Read the settings. Raises OSError, tomllib.TOMLDecodeError or pydantic.ValidationError."""
    if file is None:
        return Settings()
    with file.open("rb"):
        pass  # a file that was named and is not there is an error, not an empty one

    class FromFile(Settings):
        toml: ClassVar[Path | None] = file

    return FromFile()


def with_camera(settings: Settings, camera: str) -> Settings:
    """Return the settings with another camera for the first reader. Raises ValueError."""
    if not settings.readers:
        raise ValueError("--camera needs a reader in the settings: which access point is it at?")
    first, *others = settings.readers
    replaced = ReaderSettings(access_point=first.access_point, camera=camera)
    return settings.model_copy(update={"readers": (replaced, *others)})
