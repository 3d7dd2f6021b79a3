"""In the server, of a lower subject only `actions` and `models` are imported."""

import ast
from pathlib import Path

from tests.architecture.source import ROOT, modules, name, tree

OFFERED = {"actions", "models"}
# These know the subjects' other files because joining them is what they are for.
JOINERS = {
    "__main__.py",
    "app.py",
    "command_line",
    "consequences.py",
    "processes",
    "reactions.py",
}
# Below the subjects; whole packages, offered to all.
GROUND = {"kernel", "web"}


def _subjects() -> set[str]:
    folders = {path.parent.name for path in (ROOT / "server").glob("*/models.py")}
    return folders - GROUND


def _imported(path: Path) -> list[str]:
    """Every dotted name that the file imports, as deep as it can be a module."""
    found: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def test_there_are_subjects_to_look_at() -> None:
    assert {"visits", "credentials", "access"} <= _subjects()


def test_of_another_subject_only_actions_and_models_are_imported() -> None:
    subjects = _subjects()
    wrong: list[str] = []
    for path in modules("server"):
        own = path.relative_to(ROOT / "server").parts[0]
        if own in JOINERS:
            continue
        for imported in _imported(path):
            parts = imported.split(".")
            if len(parts) < 3 or parts[0] != "server" or parts[1] not in subjects - {own}:
                continue
            if parts[2] not in OFFERED:
                wrong.append(f"{name(path)} imports {imported}")
    assert not wrong


def test_flask_is_known_only_to_what_speaks_http() -> None:
    # Besides each subject's api: who calls is found out in `callers`, and the parts are joined in `app`.
    speaks = {
        "server/app.py",
        "server/kernel/blueprint.py",
        "server/kernel/request.py",
        "server/people/callers.py",
        "server/processes/plain.py",
        "server/processes/web.py",
    }
    knowing = {
        name(path)
        for path in modules("server")
        if not path.name.endswith("api.py")
        and not name(path).startswith(("server/pages/", "server/web/"))
        for imported in _imported(path)
        if imported.split(".")[0] in {"flask", "flask_babel", "flask_openapi", "werkzeug"}
    }
    assert knowing <= speaks
