"""What a visitor reads of the names under which their data is kept: every one in their own language."""

from datetime import datetime

from server.web.formats import local
from server.web.languages import LANGUAGES, gettext, pgettext


def title(name: str) -> str:
    """Return what a part of the house is called to a visitor."""
    titles = {
        "visit": gettext("You and your visit"),
        "arrival": gettext("How you came"),
        "passes": gettext("Your passes"),
        "doors": gettext("Doors that you passed"),
        "conversation": gettext("Your chat"),
        "survey": gettext("What you said afterwards"),
        "messages": gettext("Mails and messages"),
        "meetings": gettext("Your meeting"),
        "refreshments": gettext("Your drinks"),
    }
    return titles.get(name, name)


def label(key: str) -> str:
    """Return what a value is, before it."""
    labels = {
        "name": pgettext("person", "Name"),
        "email": gettext("Mail address"),
        "company": gettext("Company"),
        "language": gettext("Language"),
        "step_free": gettext("A way without steps"),
        "needs": gettext("What you need"),
        "invited_at": gettext("Invited"),
        "declined_at": gettext("Declined"),
        "title": gettext("Visit"),
        "note": gettext("A few words"),
        "bring": gettext("What to bring"),
        "site": gettext("Site"),
        "starts_at": gettext("Begins"),
        "ends_at": gettext("Ends"),
        "phone": gettext("Your phone"),
        "left": gettext("You left"),
        "answered_at": gettext("When"),
        "replied_at": gettext("Answered"),
        "checked_in": gettext("Checked in"),
        "registered": gettext("Registered at the entrance"),
        "asked_to_be_let_in": gettext("Asked to be let in"),
        "app_on_the_phone": gettext("App on your phone"),
        "agreements": gettext("You agreed to"),
        "wishes": gettext("You asked for"),
        "companions": gettext("You bring"),
        "at": gettext("When"),
        "coming": gettext("On the way"),
        "passes": gettext("Pass"),
        "passages": gettext("Passed"),
        "nickname": gettext("Your name in the chat"),
        "avatar": gettext("Your picture"),
        "has_picture": gettext("A photo of your own"),
        "started_at": gettext("Begun"),
        "messages": gettext("Message"),
        "standing": gettext("How it stands"),
        "entered_room": gettext("You entered the room"),
        "left_room": gettext("You left the room"),
        "host_said": gettext("Your host noted"),
        "mails": gettext("Mail"),
        "hosts_were_told": gettext("Your host was told"),
        "messengers": gettext("Messenger"),
        "score": gettext("Your score"),
        "answers": gettext("Your answers"),
        "comment": gettext("Your comment"),
        "reply": gettext("Our answer"),
        "kept_for_next_time": gettext("Kept for your next visit"),
    }
    return labels.get(key, key.replace("_", " "))


def value(key: str, kept: object) -> str:
    """Return one value; a moment beside others says what happened then, where that is not plain."""
    text = str(kept)
    if key in _FREE:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _words().get(text, text)
    if not moment.tzinfo:
        return text
    said = _moments().get(key)
    return f"{said} {local(moment, 'both')}" if said else local(moment, "both")


_FREE = frozenset({"name", "text", "title", "note", "comment", "reply", "message", "nickname"})
"""What somebody typed, which is no name of ours even where it reads like one."""


def _moments() -> dict[str, str]:
    return {
        "expected_at": gettext("expected"),
        "issued_at": gettext("issued"),
        "not_before": gettext("valid from"),
        "expires": gettext("valid until"),
        "settled_at": gettext("ended"),
    }


def _words() -> dict[str, str]:
    return {
        "exit_gate": gettext("Left through the gate"),
        "by_itself": gettext("Taken to have left"),
        "guard": gettext("Checked out by a guard"),
        "static": gettext("Printed or mailed"),
        "bound": gettext("Bound to a phone"),
        "voucher": gettext("For one drink"),
        "in": gettext("in"),
        "out": gettext("out"),
        "page": gettext("This page"),
        "button": gettext("By your own word"),
        "mail": gettext("Mail"),
        "house_rules": gettext("House rules"),
        **_notices(),
        **_drinks_and_meeting(),
        **LANGUAGES,
    }


def _notices() -> dict[str, str]:
    """What was noticed of the visitor and told to hosts, and who speaks in a chat."""
    return {
        "on_my_way": gettext("On the way"),
        "approaching": gettext("Approaching"),
        "near": gettext("Near"),
        "here": gettext("Arrived"),
        "arrived": gettext("Arrived"),
        "walk_in": gettext("Registered at the entrance"),
        "approval_asked": gettext("Asked to be let in"),
        "change_wished": gettext("Another time asked for"),
        "declined": gettext("Declined"),
        "companions": gettext("Companions"),
        "phone_moved": gettext("Opened on another phone"),
        "in_room": gettext("In the room"),
        "no_show": gettext("Did not come"),
        "message": gettext("Message"),
        "call": gettext("Call"),
        "comment": gettext("Your comment"),
        "low_score": gettext("Your score"),
        "coming_down": gettext("Coming down"),
        "five_minutes": gettext("Five minutes, please"),
        "please_wait": gettext("Please wait a moment"),
        "visitor": gettext("You"),
        "bot": gettext("Automatic answer"),
        "host": gettext("Host"),
        "reception": gettext("Reception"),
    }


def _drinks_and_meeting() -> dict[str, str]:
    """Where a drink and a meeting stand."""
    return {
        "chosen": gettext("Chosen"),
        "dispensing": gettext("On its way"),
        "done": gettext("Given out"),
        "returned": gettext("Did not drop"),
        "expired": gettext("Not fetched"),
        "cancelled": gettext("Taken back"),
        "expected": gettext("Expected"),
        "inside": gettext("In the room"),
        "left": gettext("Left the room"),
        "left_unseen": gettext("Left the room"),
        "came": gettext("Came"),
        "unclear": gettext("Not known"),
        "passed": gettext("seen by the door"),
        "unlocked": gettext("door unlocked, opening not seen"),
        "at_the_latest": gettext("at the latest"),
    }
