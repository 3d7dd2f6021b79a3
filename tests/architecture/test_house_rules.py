"""Rules of the house that no linter knows: sizes, names, and nothing of one machine in the tree."""

import ast
import re
from pathlib import Path

from tests.architecture.source import modules, name, texts, tree

LONGEST_MODULE = 420
LONGEST_FUNCTION = 60
# Words that say nothing: whatever would go there has a better place.
BANNED_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
# Folders of one developer's or one build machine.
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(?:root|work|home|Users|opt)/\w")


def _grown() -> list[Path]:
    """The modules that people write and go on writing; a migration is a record, made once."""
    return [path for path in modules() if "versions" not in path.parts]


def test_no_module_is_long() -> None:
    lines = {name(path): len(path.read_text("utf-8").splitlines()) for path in _grown()}
    assert not {path: count for path, count in lines.items() if count > LONGEST_MODULE}


def test_no_function_is_long() -> None:
    lengths = {
        f"{name(path)}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in _grown()
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert not {where: count for where, count in lengths.items() if count > LONGEST_FUNCTION}


def test_no_file_or_class_has_a_name_that_says_nothing() -> None:
    files = [name(path) for path in modules() if not BANNED_NAMES.isdisjoint(_words(path))]
    classes = [
        f"{name(path)}:{node.name}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and not BANNED_NAMES.isdisjoint(re.findall("[A-Z][a-z]+|[a-z]+", node.name.lower()))
    ]
    assert not files + classes


def test_no_exception_is_caught_without_being_named() -> None:
    bare = [
        f"{name(path)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert not bare


def test_every_module_says_in_one_sentence_what_it_is_for() -> None:
    silent = [
        name(path)
        for path in modules()
        if path.read_text("utf-8").strip()
        and not (ast.get_docstring(tree(path)) or "").splitlines()[:1]
    ]
    assert not silent


def test_nothing_names_a_folder_of_one_machine() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()[:100]}"
        for path in texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if MACHINE_PATHS.search(line)
    ]
    assert not found


def _words(path: Path) -> set[str]:
    parts = Path(name(path)).with_suffix("").parts
    return {word for part in parts for word in part.lower().split("_")}
