"""The system's Chromium for tests, as the demo starts it."""

from demo.chromium import (
    ARGUMENTS,
    DESKTOP,
    PHONE,
    chromium_program,
    start_chromium,
)

__all__ = ["ARGUMENTS", "DESKTOP", "PHONE", "PageLeft", "chromium_program", "start_chromium"]


class PageLeft(Exception):
    """The page in which a script ran was left before the script ended."""
