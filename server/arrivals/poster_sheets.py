"""The paper of a poster: one page of PDF in the site's languages, and a picture of it for the screen."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pypdfium2 and Flask-Babel leave the types of some of what is used here open.

import base64
import io
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment

from access_protocol.ids import SiteCode
from server.arrivals import entry_rules, posters
from server.arrivals.models import Poster
from server.kernel import paper
from server.kernel.work import Work
from server.places import models as places
from server.places.actions import PortalKind
from server.places.models import Portal, Site
from server.web.languages import gettext, speaking

PREVIEW_WIDTH = 480


class Size(StrEnum):
    """The papers that there are."""

    A4 = "a4"
    A5 = "a5"
    LABEL = "label"


PAPERS = {Size.A4: "210mm 297mm", Size.A5: "148mm 210mm", Size.LABEL: "62mm 100mm"}


class Words(NamedTuple):
    """What the paper says in one language."""

    code: str
    site: str
    portal: str
    check: str
    heading: str
    steps: list[str]
    stranger: str


def pdf(work: Work, poster: Poster, size: Size) -> bytes:
    """Return the paper as PDF: one page, the QR as vectors at level Q, fonts embedded."""
    return sheet(posters.address(work, poster), _words(work, poster), poster.check_number, size)


def sheet(address: str, words: Sequence[Words], check_number: str, size: Size) -> bytes:
    """Return the paper of anything that hangs as a QR: its address, its check number, and its words."""
    parts = urlsplit(address)
    text = _template().render(
        size=size.value,
        languages=words,
        qr=f"data:image/svg+xml;base64,{base64.b64encode(entry_rules.qr_svg(address)).decode()}",
        host=parts.netloc,
        path=parts.path,
        number=entry_rules.as_read(check_number),
    )
    return paper.pdf(text, [_file("poster.css"), f"@page {{ size: {PAPERS[size]} }}"])


def picture(work: Work, poster: Poster, size: Size) -> bytes:
    """Return what the printer will print, as a small PNG."""
    return pages(pdf(work, poster, size), PREVIEW_WIDTH)[0]


def pages(document: bytes, width: int) -> list[bytes]:
    """Return each page of a PDF as PNG, so many pixels wide."""
    from pypdfium2 import PdfDocument  # noqa: PLC0415

    found: list[bytes] = []
    with PdfDocument(document) as opened:
        for page in opened:
            picture = io.BytesIO()
            page.render(scale=width / page.get_width()).to_pil().save(picture, "PNG")
            found.append(picture.getvalue())
    return found


def contact_words(work: Work, site_code: SiteCode) -> list[Words]:
    """Return what a "contact us" sign says in each language of its site."""
    site = work.session.get_one(Site, site_code)
    found: list[Words] = []
    for code in site.languages:
        with speaking(code):
            found.append(
                Words(
                    code=code,
                    site=places.name_in(site, code),
                    portal=gettext("Write to us"),
                    check=gettext("Check number"),
                    heading=gettext("Scan with your phone's camera"),
                    steps=[
                        gettext("Scan the code, or type the address into your browser."),
                        gettext("The page shows a check number. Is it the one on this paper?"),
                        gettext("Write your question. No app, no account."),
                    ],
                    stranger="",
                )
            )
    return found


def _words(work: Work, poster: Poster) -> list[Words]:
    site = work.session.get_one(Site, poster.site)
    portal = work.session.get_one(Portal, (poster.site, poster.portal))
    found: list[Words] = []
    for code in site.languages:
        with speaking(code):
            found.append(_in_force(code, site, portal))
    return found


def _in_force(code: str, site: Site, portal: Portal) -> Words:
    machine = portal.kind is PortalKind.VENDING
    last = gettext("Follow the page.") if machine else gettext("Press “Open the door”.")
    return Words(
        code=code,
        site=places.name_in(site, code),
        portal=places.name_in(portal, code),
        check=gettext("Check number"),
        heading=gettext("Scan with your phone's camera"),
        steps=[
            gettext("Scan the code, or type the address into your browser."),
            gettext("The page shows a check number. Is it the one on this paper?"),
            last,
        ],
        stranger="" if machine else gettext("No invitation? Scan the code all the same."),
    )


@cache
def _template():  # noqa: ANN202  jinja2's own class
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        _file("poster.html")
    )


def _file(name: str) -> str:
    return (resources.files("server.arrivals") / "sheets" / name).read_text("utf-8")
