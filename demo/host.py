"""The host's phone of the demo: signed in at the host's page, hears who comes, carries a pass of its own."""

from playwright.sync_api import Page, expect

from demo.phones import SOON, looking_at

_SIGNED_WITHIN = 30_000
"""Milliseconds: a presentation is drawn anew every 10 s, the short and the full one in turn."""


class HostPhone:
    """The host's page in one browser."""

    def __init__(self, page: Page, url: str) -> None:
        """Take the address of the server."""
        self.page, self.url = page, url
        self.known: str | None = None

    def signs_in(self, email: str, password: str) -> None:
        """Sign in and come to the day's visits."""
        with looking_at(self.page, "the host's page"):
            self.page.goto(f"{self.url}/host/")
            self.page.locator("#email").fill(email)
            self.page.locator("#password").fill(password)
            self.page.get_by_role("button", name="Sign in").click()
            self.page.wait_for_url("**/host/")

    def reads(self, words: str) -> None:
        """Wait until the page says these words, by itself."""
        with looking_at(self.page, f"“{words}” on the host's page"):
            expect(self.page.get_by_text(words).first).to_be_visible(timeout=SOON)

    def goes_to(self, path: str) -> None:
        """Open another of the host's pages."""
        with looking_at(self.page, path):
            self.page.goto(f"{self.url}{path}")

    def pass_picture(self, presentation: str) -> bytes:
        """Return a picture of the host's own pass, for which this phone makes its key at the first time."""
        with looking_at(self.page, "the host's pass"):
            self.page.goto(f"{self.url}/host/pass")
        return self.pass_shown(presentation)

    def pass_shown(self, presentation: str) -> bytes:
        """Return a picture of the host's own pass from the page that is open."""
        with looking_at(self.page, "the host's pass"):
            shown = self.page.locator("#pass")
            expect(shown).to_have_attribute("data-mode", "bound")
            expect(shown).to_have_attribute(
                "data-presentation", presentation, timeout=_SIGNED_WITHIN
            )
            return self.page.locator(".pass-code").screenshot()
