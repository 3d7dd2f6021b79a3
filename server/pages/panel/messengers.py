"""The messengers of a site: keys typed once, tried at once, and never shown again."""

from typing import NamedTuple

from flask import Response, flash, redirect, render_template, url_for
from flask import request as sent
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.request import begin, office, reading
from server.kernel.work import Work
from server.notifications import actions
from server.notifications.actions import (
    AccountState,
    MessengerAccount,
    MessengerFailure,
    MessengerKind,
)
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.web.forms import Form
from server.web.languages import gettext

FIELDS = {
    MessengerKind.LINE: ("channel_secret", "channel_access_token"),
    MessengerKind.WECOM: ("corp_id", "open_kfid", "secret", "token", "encoding_aes_key"),
}
SECRET = frozenset({"channel_secret", "channel_access_token", "secret", "encoding_aes_key"})


class Typed(NamedTuple):
    """One field of a form."""

    name: str
    label: str
    hint: str
    type: str


class Card(NamedTuple):
    """A messenger as the page shows it."""

    kind: str
    name: str
    hook: str
    """The address that its console asks for."""
    fields: list[Typed]
    state: Badge | None
    why: str
    address: str
    heard_at: object
    sent_at: object


@blueprint.get("/policy/<site>/messengers")
def messengers(site: str) -> AnyResponse:
    """Show the messengers that a site can use, and how each does."""
    return _page(SiteCode(site), Form(), None)


@blueprint.post("/policy/<site>/messengers/<kind>")
def change_messenger(site: str, kind: str) -> AnyResponse:
    """Keep the keys of a messenger, try them again, or take them away."""
    code, which, form = SiteCode(site), _kind(kind), Form.sent()
    try:
        with begin() as work:
            said = _change(work, code, which, form)
    except ValidationError as error:
        _refuse(form, error)
    except GenkanError as error:
        form.take(error)
    else:
        flash(said, "good")
        return redirect(url_for("panel.messengers", site=code), 303)
    return _page(code, form, which)


def _change(work: Work, site: SiteCode, kind: MessengerKind, form: Form) -> str:
    match sent.form.get("do"):
        case "remove":
            actions.take_messenger_away(work, site, kind)
            return gettext("Taken away. Nobody is written to there any more.")
        case "try":
            actions.try_messenger(work, actions.find_messenger(work, site, kind))
            return gettext("The keys are being tried. Load this page again in a moment.")
        case _:
            given = {name: form.value(name) for name in FIELDS[kind]}
            actions.set_up_messenger(work, site, kind, given)
            return gettext("Kept, and being tried. Load this page again in a moment.")


def _refuse(form: Form, error: ValidationError) -> None:
    for each in error.errors(include_url=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        words = gettext("This does not look right. Copy it whole from the messenger's console.")
        form.refuse(name, words if form.value(name) else gettext("Please fill this in."))


def _page(site: SiteCode, form: Form, wrong: MessengerKind | None) -> AnyResponse:
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, site)
        if Names(work).time_zone(site) is None:
            raise NotFound(f"There is no site {site}.")
        held = {each.kind: each for each in actions.list_messengers(work, site)}
        text = render_template(
            "panel/messengers.html",
            name=Names(work).site(site),
            site=site,
            cards=[_card(site, kind, held.get(kind)) for kind in MessengerKind],
            form=form,
            empty=Form(),
            wrong=wrong,
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def _card(site: SiteCode, kind: MessengerKind, held: MessengerAccount | None) -> Card:
    base = str(office().settings.base_url).rstrip("/")
    return Card(
        kind=kind.value,
        name=states.messenger(kind),
        hook=f"{base}{url_for('hooks.hear', kind=kind.value, site=site)}",
        fields=[
            Typed(name, *_words(name), "password" if name in SECRET else "text")
            for name in FIELDS[kind]
        ],
        state=_state(held.state) if held else None,
        why=_why(held) if held else "",
        address=held.address if held else "",
        heard_at=held.heard_at if held else None,
        sent_at=held.sent_at if held else None,
    )


def _state(state: AccountState) -> Badge:
    match state:
        case AccountState.CHECKING:
            return Badge("waiting", "waiting", gettext("Being tried"))
        case AccountState.READY:
            return Badge("good", "approve", gettext("Ready"))
        case AccountState.FAILING:
            return Badge("bad", "alarm", gettext("Does not work"))


def _why(held: MessengerAccount) -> str:
    match held.failure:
        case None:
            return ""
        case MessengerFailure.OUR_KEYS:
            words = gettext("The messenger refuses these keys. Copy them anew from its console.")
        case MessengerFailure.QUOTA:
            words = gettext("The account has used up its messages of this month.")
        case MessengerFailure.UNREACHABLE | MessengerFailure.BUSY:
            words = gettext("The messenger does not answer at the moment. It is tried again.")
        case MessengerFailure.FORBIDDEN_ADDRESS:
            words = gettext("The address of the messenger leads into a private network.")
        case _:
            words = gettext("The messenger does not take this.")
    return f"{words} ({held.why})" if held.why else words


def _words(name: str) -> tuple[str, str]:
    """Return label and hint of a field: the names that the messengers' own consoles use."""
    return {
        "channel_secret": ("Channel secret", gettext("LINE Developers, page Basic settings")),
        "channel_access_token": (
            "Channel access token (long-lived)",
            gettext("LINE Developers, page Messaging API"),
        ),
        "corp_id": ("CorpID (企业ID)", gettext("WeCom console, My company")),
        "open_kfid": ("open_kfid (客服账号ID)", gettext("WeCom console, customer service account")),
        "secret": ("Secret", gettext("WeCom console, customer service, API")),
        "token": ("Token", gettext("WeCom console, customer service, callback")),
        "encoding_aes_key": (
            "EncodingAESKey",
            gettext("WeCom console, customer service, callback: 43 characters"),
        ),
    }[name]


def _kind(word: str) -> MessengerKind:
    try:
        return MessengerKind(word)
    except ValueError:
        raise NotFound("There is no such messenger here.") from None
