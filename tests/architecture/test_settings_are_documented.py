"""Every setting stands in the operations page and, for the server, in `.env.example`, with its default."""

import json
import re
from datetime import timedelta

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefinedType

from gate_agent.settings import Described, ReaderSettings, described
from gate_agent.settings import Settings as GateSettings
from server.kernel.settings import Settings
from tests.architecture.source import ROOT, prose

PREFIX = "GENKAN_"


def _default(field: FieldInfo) -> str:
    """The default as a person would type it; nothing where there is none."""
    return _typed(field.get_default(call_default_factory=True, validated_data={}))


def _typed(value: object) -> str:
    match value:
        case None | PydanticUndefinedType() | ():
            return ""
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return json.dumps(value)
        case bool():
            return str(value).lower()
        case timedelta():
            return f"PT{value // timedelta(hours=1)}H"
        case _:
            return str(value).removesuffix("/")


def _row(name: str, field: FieldInfo) -> str:
    default = _default(field)
    shown = f"`{default}`" if default else ""
    return f"| `{name}` | {shown} | {field.description} |"


def _gate_row(name: str, setting: Described) -> str:
    default = _typed(setting.default)
    shown = f"`{default}`" if default else ""
    return f"| `{name}` | {shown} | {setting.what} |"


SERVER_ROWS = [_row(PREFIX + name.upper(), field) for name, field in Settings.model_fields.items()]
GATE_ROWS = [_gate_row(name, each) for name, each in described(GateSettings).items()]
READER_ROWS = [
    _gate_row(f"readers.{name}", each) for name, each in described(ReaderSettings).items()
]


@pytest.mark.parametrize("row", [*SERVER_ROWS, *GATE_ROWS, *READER_ROWS])
def test_a_setting_stands_in_the_operations_page(row: str) -> None:
    assert row in prose("docs/operations.md").splitlines()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_server_setting_stands_in_the_example_environment(name: str) -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    setting = f"{PREFIX}{name.upper()}={_default(Settings.model_fields[name])}"
    assert {setting, f"#{setting}"} & set(lines)


def test_the_example_environment_names_nothing_that_is_no_setting() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    named = {
        line.lstrip("#").split("=")[0] for line in lines if line.lstrip("#").startswith(PREFIX)
    }
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert named <= known | set(re.findall(r"\$\{(GENKAN_\w+)", compose))
