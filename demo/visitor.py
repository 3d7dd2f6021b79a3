"""The visitor's phone of the demo: opens the mailed link, keeps a key, shows its pass, scans what hangs on walls."""

import re
from datetime import timedelta

from playwright.sync_api import Locator, Page, expect

from demo.phones import SOON, looking_at
from demo.timeline import StepFailedError

_OUTCOMES = re.compile("^(open|denied|refused|silent)$")
_EIGHT_DIGITS = re.compile(r"^\d{4}\s?\d{4}$")
_A_CLOCK = re.compile(r"\d:\d\d")
_A_GUESS = "1234 5678"
_SIGNED_WITHIN = timedelta(seconds=30)
"""A presentation is drawn anew every 10 s, the short and the full one in turn."""


class VisitorPhone:
    """The page of one visit in one browser."""

    def __init__(self, page: Page, link: str) -> None:
        """Take the link that came by mail; `known` is the id of the credential, once somebody is invited."""
        self.page, self.link = page, link
        self.known: str | None = None
        self._way: Page | None = None

    def opens_invitation(self) -> None:
        """Look at the page behind the link and press its button."""
        with looking_at(self.page, "the invitation"):
            self.page.goto(self.link)
            self.presses("Open my invitation")
            expect(self.page.locator("#visit")).to_be_visible()

    def finds_closed(self) -> str:
        """Return what the page says to a phone that may not see the visit."""
        self.page.goto(self.link)
        return self.page.inner_text("main")

    def agrees(self) -> int:
        """Read and agree to each document that is asked for; return how many there were."""
        agreed = 0
        with looking_at(self.page, "what to agree to"):
            self.sees_visit()
            while (following := self.page.locator("a[href*='/agree/']").first).count():
                following.click()
                self.page.get_by_label("I have read this").check()
                self.presses("Agree")
                expect(self.page.locator("#visit")).to_be_visible()
                agreed += 1
        return agreed

    def sees_visit(self) -> None:
        """Go to the page of the visit, unless it is open."""
        if self.page.url != self.link:
            self.page.goto(self.link)

    def opens_pass(self) -> None:
        """Open the pass, for which the phone makes its key."""
        with looking_at(self.page, "the pass"):
            self.sees_visit()
            self.page.get_by_role("link", name="Show my pass").click()
            expect(self.page.locator("#pass")).to_have_attribute("data-mode", "bound")

    def pass_picture(self, presentation: str) -> bytes:
        """Return a picture of the pass as the browser draws it now; `presentation` is short or full."""
        if not self.page.url.endswith("/pass"):
            self.opens_pass()
        shown = self.page.locator("#pass")
        with looking_at(self.page, f"the pass in its {presentation} form"):
            expect(shown).to_have_attribute(
                "data-presentation", presentation, timeout=_SIGNED_WITHIN.total_seconds() * 1000
            )
            return self.page.locator(".pass-code").screenshot()

    def comes_near(self) -> None:
        """Press the button that says so."""
        with looking_at(self.page, "coming near"):
            self.sees_visit()
            self.presses("on my way")

    def scans(self, poster: str, digits: str = "") -> str:
        """Scan a poster with the code on the screen beside it, or guess one; return what becomes of the door.

        The answer is the page's own word: open, denied, refused or silent.
        """
        with looking_at(self.page, "the posted QR"):
            self.page.goto(f"{poster}?c={digits}" if digits else poster)
            if not digits:
                self.page.locator("#digits").fill(_A_GUESS)
            self.presses("Open the door")
            if not digits:
                expect(self.page.locator("#digits-error")).to_be_visible()
                return "denied"
            state = self.page.locator("[data-outcome]")
            expect(state).to_have_attribute("data-outcome", _OUTCOMES)
            return str(state.get_attribute("data-outcome"))

    def opens_the_way(self) -> str:
        """Open the way in a tab of its own, which stays open; return what it says."""
        self._way = self.page.context.new_page()
        with looking_at(self._way, "the way"):
            self._way.goto(f"{self.link}/way")
            expect(self._way.locator("#way svg").first).to_be_visible()
            return self._way.locator("#way").inner_text()

    def way_goes_on(self, before: str) -> None:
        """Wait until the open page of the way says something else, by itself."""
        if self._way is None:
            raise StepFailedError("the way was not opened")
        with looking_at(self._way, "the way, once a portal opened"):
            expect(self._way.locator("#way")).not_to_have_text(before, use_inner_text=True)

    def chooses_a_drink(self) -> str:
        """Take the first of the menu; return its name."""
        with looking_at(self.page, "the menu"):
            self.page.get_by_role("link", name="See what there is").click()
        return self.takes_a_drink()

    def takes_a_drink(self) -> str:
        """Take the first of the menu that is open; return its name."""
        with looking_at(self.page, "the menu"):
            first = self.page.locator("button.drink").first
            name = first.locator(".strong").inner_text()
            first.click()
            return name

    def voucher_picture(self) -> bytes:
        """Return a picture of the voucher as the browser draws it."""
        with looking_at(self.page, "the voucher"):
            expect(self.page.locator("[data-voucher]")).to_be_visible()
            # The clock beside the code is set by the script that draws it.
            expect(self.page.locator("[data-voucher] [data-clock]")).to_have_text(_A_CLOCK)
            return self.page.locator("[data-voucher] .pass-code").screenshot()

    def answers_the_survey(self, score: int, comment: str) -> None:
        """Open the survey from the page of the visit, choose, write a few words, and send."""
        with looking_at(self.page, "the survey"):
            self.page.locator("a[href$='/survey']").first.click()
            self.page.locator(f"input[name=score][value='{score}']").check(force=True)
            self.page.locator("textarea").first.fill(comment)
            self.page.locator("main form button[type=submit]").first.click()
            expect(self.page.get_by_text("Thank you").first).to_be_visible()

    def reads(self, words: str) -> Locator:
        """Wait until the page says these words, by itself."""
        with looking_at(self.page, f"“{words}”"):
            found = self.page.get_by_text(words).first
            expect(found).to_be_visible(timeout=SOON)
            return found

    def presses(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name).first.click()


def shown_beside(kiosk: Page) -> str:
    """Return the digits that the screen at an entrance shows now."""
    shown = kiosk.locator("[data-digits]")
    with looking_at(kiosk, "the screen beside the door"):
        expect(shown).to_have_text(_EIGHT_DIGITS)
    return re.sub(r"\D", "", shown.inner_text())
