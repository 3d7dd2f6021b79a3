"""How to trust our own HTTPS: the authority's certificate, and the steps for each kind of phone and computer."""

from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from flask import Blueprint, Response, render_template, request

from server.devices import actions as devices
from server.kernel.errors import NotFound
from server.kernel.request import office, reading
from server.web import languages
from server.web.languages import gettext
from server.web.limits import limited

CERTIFICATE = "genkan-root.crt"
MEDIA_TYPE = "application/x-x509-ca-cert"
"""By which iPhones, Android and Firefox know that it is to be trusted and not to be kept."""

blueprint = Blueprint("trust", __name__, url_prefix="/trust", template_folder="templates")


class Guide(NamedTuple):
    """What to do on one kind of device."""

    device: str
    steps: list[str]
    undo: str
    is_here: bool


@blueprint.get("")
@limited("60 per minute")
def page() -> Response:
    """Show the steps; a language in the address wins, since plain HTTP keeps no cookie."""
    languages.choose(request.args.get("language", ""))
    root = _root()
    found = None if root is None else x509.load_der_x509_certificate(root)
    digest = found.fingerprint(hashes.SHA256()).hex().upper() if found else ""
    text = render_template(
        "trust.html",
        root=found,
        fingerprint=[digest[at : at + 4] for at in range(0, len(digest), 4)],
        hosts=office().settings.web_hosts,
        guides=_guides(request.user_agent.string),
        onward=str(office().settings.base_url),
    )
    return Response(text, mimetype="text/html")


@blueprint.get(f"/{CERTIFICATE}")
@limited("60 per minute")
def certificate() -> Response:
    """Give the certificate of our own authority (DER)."""
    root = _root()
    if root is None:
        raise NotFound("This server has no authority of its own.")
    named = {"Content-Disposition": f'attachment; filename="{CERTIFICATE}"'}
    return Response(root, mimetype=MEDIA_TYPE, headers=named)


def _root() -> bytes | None:
    if office().settings.web_tls != "own":
        return None
    with reading() as work:
        return devices.web_root(work.session)


def _guides(agent: str) -> list[Guide]:
    apple = "iPhone" in agent or "iPad" in agent
    android = "Android" in agent
    return [
        Guide(
            "iPhone, iPad",
            [
                gettext("Press the button above in Safari, and allow the download."),
                gettext(
                    "Open Settings. Near the top stands “Profile Downloaded”: open it, and press Install."
                ),
                gettext(
                    "Open Settings, General, About, Certificate Trust Settings, "
                    "and switch on the line that begins with “Genkan at”."
                ),
            ],
            gettext("Settings, General, VPN & Device Management: open the profile and remove it."),
            apple,
        ),
        Guide(
            "Android",
            [
                gettext("Press the button above. The file is kept among your downloads."),
                gettext(
                    "Open Settings, Security and privacy, and search for “CA certificate”. "
                    "Press it, press “Install anyway”, and choose the file."
                ),
                gettext("Use Chrome. Firefox asks its own settings, see below."),
            ],
            gettext(
                "Settings, Security and privacy, Trusted credentials, User: open it and remove it."
            ),
            android,
        ),
        *_of_computers(agent, in_hand=apple or android),
    ]


def _of_computers(agent: str, *, in_hand: bool) -> list[Guide]:
    return [
        Guide(
            "Windows",
            [
                gettext("Press the button above, and open the file."),
                gettext(
                    "Press “Install Certificate”, choose “Current User”, “Place all certificates in the "
                    "following store”, and “Trusted Root Certification Authorities”."
                ),
                gettext("Close the browser, and open it again."),
            ],
            gettext(
                "Run certmgr.msc: Trusted Root Certification Authorities, Certificates; delete it there."
            ),
            "Windows" in agent,
        ),
        Guide(
            "Mac",
            [
                gettext("Press the button above, and open the file: Keychain Access keeps it."),
                gettext(
                    "Open it there with a double click, and under Trust choose “Always Trust” "
                    "for Secure Sockets Layer (SSL)."
                ),
            ],
            gettext("Delete it in Keychain Access."),
            "Macintosh" in agent and not in_hand,
        ),
        Guide(
            "Firefox",
            [
                gettext(
                    "Open the settings, search for “certificates”, press “View Certificates”, Authorities, Import."
                ),
                gettext("Choose the file, and tick “Trust this CA to identify websites”."),
            ],
            gettext("In the same list, choose it and press “Delete or Distrust”."),
            "Firefox" in agent and not in_hand,
        ),
    ]
