"""The stylesheet's colours can be read by everybody, in light and dark."""

import re
from pathlib import Path

import pytest

import server.web
from server.web.routes import STATIC

CSS = (STATIC / "genkan.css").read_text("utf-8")
AA_TEXT = 4.5
AA_SHAPE = 3.0
TEXT = [
    *(
        (ink, ground)
        for ink in ("ink", "ink-soft", "indigo")
        for ground in ("paper", "surface", "sunken")
    ),
    ("indigo", "indigo-wash"),
    ("ink", "indigo-wash"),
    ("on-indigo", "indigo"),
    ("on-indigo", "indigo-strong"),
    *((f"{name}-text", f"{name}-wash") for name in ("pine", "vermilion", "amber")),
    *((f"{name}-text", "surface") for name in ("pine", "vermilion", "amber")),
    ("on-vermilion", "vermilion"),
    ("qr-dark", "qr-light"),
]
SHAPES = [
    *((name, "surface") for name in ("edge", "pine", "vermilion", "amber", "indigo")),
    *((name, "paper") for name in ("edge", "pine", "vermilion", "amber", "indigo")),
]


def _tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", block))


LIGHT = _tokens(CSS[: CSS.index("@media (prefers-color-scheme: dark)")])
DARK = LIGHT | _tokens(CSS[CSS.index("@media (prefers-color-scheme: dark)") :].split(":lang")[0])


def _luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_has_the_contrast_that_the_standard_says() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read_on_its_ground(scheme: dict[str, str], ink: str, ground: str) -> None:
    assert _contrast(scheme[ink], scheme[ground]) >= AA_TEXT


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), SHAPES)
def test_edges_and_icons_can_be_seen(scheme: dict[str, str], line: str, ground: str) -> None:
    assert _contrast(scheme[line], scheme[ground]) >= AA_SHAPE


def test_the_house_colours_are_those_of_the_design() -> None:
    house = {"paper": "#f7f5f0", "ink": "#1c2430", "indigo": "#23456b", "pine": "#2e6b4e"}
    assert house | {"vermilion": "#c8402a", "amber": "#b7791f"} == {
        name: LIGHT[name] for name in (*house, "vermilion", "amber")
    }


def test_colours_are_named_once_and_used_by_name() -> None:
    rules = CSS[CSS.index("/* ---- Plain elements") :]
    literal = set(re.findall(r"#[0-9a-f]{3,8}\b", rules))
    # A stranger's mail is shown on white, and what stands under a credential is ink on white in every scheme.
    assert literal <= {"#ffffff", "#1c2430"}


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    symbols = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text("utf-8")))
    server_folder = Path(server.web.__file__).parents[1]
    templates = [path.read_text("utf-8") for path in server_folder.glob("**/templates/**/*.html")]
    named = {
        name for text in templates for name in re.findall(r'ui\.icon\("([a-z-]+)"(?! ~)', text)
    }
    begun = {name for text in templates for name in re.findall(r'ui\.icon\("([a-z-]+)" ~', text)}
    views = [path.read_text("utf-8") for path in server_folder.glob("pages/**/*.py")]
    named |= {
        name for text in views for name in re.findall(r'Badge\(\s*"[a-z]*", "([a-z-]+)"', text)
    }
    assert named
    assert named <= symbols
    # Of a family of which the value chooses one, there is one at least.
    assert {
        family for family in begun if not any(each.startswith(family) for each in symbols)
    } == set()
