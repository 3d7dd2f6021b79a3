"""What tests ask of pages in any browser; `demo.chromium` starts the one that most of them use."""

_TARGETS = "button, summary, a.button, .places a, input:not([type=hidden]), select, textarea"
SMALL_TARGETS = f"""() => [...document.querySelectorAll("{_TARGETS}")]
  .filter((each) => each.checkVisibility() && !each.closest(".reading-only") && each.getBoundingClientRect().width)
  .map((each) => each.closest("label") ?? each)
  .filter((each) => each.getBoundingClientRect().height < 43.5)
  .map((each) => each.outerHTML.slice(0, 120))"""
"""Returns what a thumb would miss on a page: everything to be touched that is less than 44 px high."""


class PageLeft(Exception):
    """The page in which a script ran was left before the script ended."""
