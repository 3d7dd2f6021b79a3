"""The project's own files, read as text and as syntax trees."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("access_protocol", "bench", "demo", "firmware_sim", "gate_agent", "server")
PROSE = ("*.md", "docs/**/*.md")
_NOT_OURS = {
    ".git",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "__pycache__",
    "data",
    "vendor",
}
_BINARY = {".bin", ".cbor", ".gz", ".ico", ".jpg", ".mo", ".png", ".pyc", ".sqlite3", ".woff2"}


def modules(*folders: str) -> list[Path]:
    """Every Python file below the folders; of the programs and the tests when none is named."""
    return [
        path
        for folder in folders or (*PROGRAMS, "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if _NOT_OURS.isdisjoint(path.parts)
    ]


def texts() -> Iterator[Path]:
    """Every text file of the project that a person wrote."""
    for path in sorted(ROOT.rglob("*")):
        ours = _NOT_OURS.isdisjoint(path.relative_to(ROOT).parts)
        if ours and path.is_file() and path.suffix not in _BINARY:
            yield path


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def prose(*patterns: str) -> str:
    """The text of all pages that match the patterns; of all of them when none is given."""
    pages = {page for pattern in patterns or PROSE for page in ROOT.glob(pattern)}
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(pages))


def name(path: Path) -> str:
    """The path as people write it."""
    return path.relative_to(ROOT).as_posix()
