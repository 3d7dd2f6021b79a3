"""What groups of pages do before they answer and after: ask for a sign-in, write local times, keep to this phone."""

from collections.abc import Collection

from flask import Blueprint, Response, request

from server.kernel.errors import SignInNeeded
from server.kernel.request import caller, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.web import languages


def for_staff(
    blueprint: Blueprint, *, open_to_all: Collection[str], shared: Collection[str] = ()
) -> None:
    """Show these pages, but for the endpoints named, to nobody who is not signed in; times are the site's.

    Those `shared` are rendered for many at once, and ask by themselves where the site is when they are.
    """

    def ask_for_sign_in() -> None:
        if request.endpoint not in open_to_all and caller().session is None:
            raise SignInNeeded("Sign in to see this page.")

    def show_times_of_the_site() -> None:
        if request.endpoint not in shared:
            with reading() as work:
                tell_times_of_the_site(work)

    blueprint.before_request(ask_for_sign_in)
    blueprint.before_request(show_times_of_the_site)


def tell_times_of_the_site(work: Work) -> None:
    """Write the times of this answer as the first site's clocks show them."""
    languages.prefer(None, Names(work).home_time_zone())


def for_one_phone(blueprint: Blueprint) -> None:
    """Keep what is shown to this phone: caches keep nothing, and other sites hear nothing of the address."""

    def keep_private(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("X-Robots-Tag", "noindex")
        return response

    blueprint.after_request(keep_private)
