"""LINE: webhooks in, push and reply messages out, as LINE's documentation of the Messaging API says.

https://developers.line.biz/en/reference/messaging-api/ (webhook event objects, bot info, push, reply),
…/docs/messaging-api/verify-webhook-signature/, …/retrying-api-request/ and …/using-line-url-scheme/.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, cast
from urllib.parse import quote
from uuid import UUID

import requests
from pydantic import Field

from server.notifications import post
from server.notifications.kinds import MessengerFailure, MessengerKind
from server.notifications.messengers.base import (
    Account,
    Asked,
    Event,
    EventKind,
    Fetched,
    Heard,
    Keys,
    Message,
    NotGenuine,
    Unreadable,
    ask,
    failed,
    is_ok,
    read_json,
)

SIGNATURE = "x-line-signature"
CHAT = "https://line.me/R/oaMessage/{account}/?{text}"
"""Opens the chat with a text that the visitor only has to send; both parts percent-encoded."""
_MOST_EVENTS = 500


class LineKeys(Keys):
    """From the LINE Developers Console, the channel's pages "Basic settings" and "Messaging API"."""

    channel_secret: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    channel_access_token: Annotated[str, Field(min_length=20, max_length=500, pattern=r"^[!-~]+$")]


class Line:
    """The adapter; `api_url` is https://api.line.me but in tests."""

    kind = MessengerKind.LINE
    keys: type[Keys] = LineKeys

    def __init__(self, api_url: str) -> None:
        """Speak to the API at an address."""
        self._api = api_url.rstrip("/")

    def join_url(self, account: Account, code: str) -> str:
        """Return the URL scheme that opens the chat with the code typed already."""
        return CHAT.format(account=quote(account.address, safe=""), text=quote(code, safe=""))

    def greet(self, account: Account, asked: Asked) -> str:
        """LINE tries a hook out with a signed POST without events, never with a GET."""
        raise NotGenuine

    def hear(self, account: Account, asked: Asked) -> Heard:
        """Check the signature of the raw body, then read its events."""
        secret = _keys(account).channel_secret.encode("ascii")
        expected = base64.b64encode(hmac.digest(secret, asked.body, hashlib.sha256))
        if not hmac.compare_digest(expected, asked.headers.get(SIGNATURE, "").encode("utf-8")):
            raise NotGenuine
        try:
            found = json.loads(asked.body)
        except (ValueError, RecursionError) as error:
            raise Unreadable("the body is not JSON") from error
        events: object = cast("Any", found).get("events") if isinstance(found, dict) else None
        if not isinstance(events, list):
            raise Unreadable("there is no list of events")
        some = cast("list[object]", events)[:_MOST_EVENTS]
        return Heard(tuple(read for each in some if (read := _read(each)) is not None))

    def set_up(self, account: Account, http: requests.Session) -> str:
        """Return the account's basic id, such as @216xyabc, which LINE tells whoever holds the token."""
        answer = ask(http, "GET", f"{self._api}/v2/bot/info", headers=_bearer(account))
        _check(answer)
        found = read_json(answer).get("basicId")
        if not isinstance(found, str) or not found.startswith("@"):
            raise failed(MessengerFailure.REFUSED, "LINE told no basic id", final=True)
        return found

    def fetch(self, account: Account, http: requests.Session, errand: str) -> Fetched:
        """LINE's webhooks hold the events themselves."""
        return Fetched((), account.cursor, more=False)

    def send(self, account: Account, http: requests.Session, message: Message) -> None:
        """Answer an event while its token counts, which costs nothing; otherwise push, with a retry key."""
        texts = [{"type": "text", "text": message.text}]
        if message.reply:
            body: dict[str, object] = {"replyToken": message.reply, "messages": texts}
            answer = self._post(account, http, "reply", body)
            if answer.status_code != HTTPStatus.BAD_REQUEST:
                _check(answer)
                return
            # The token was used, or is older than a minute.
        key = {"X-Line-Retry-Key": str(UUID(message.key))}
        answer = self._post(account, http, "push", {"to": message.to, "messages": texts}, key)
        if answer.status_code != HTTPStatus.CONFLICT:
            _check(answer)
        # 409: an earlier try with this key was accepted, only its answer was lost.

    def _post(
        self,
        account: Account,
        http: requests.Session,
        what: str,
        body: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url = f"{self._api}/v2/bot/message/{what}"
        return ask(http, "POST", url, headers={**_bearer(account), **(headers or {})}, json=body)


def _read(given: object) -> Event | None:
    """Return an event of one user, or None for what concerns nobody here; a channel on standby does not answer."""
    if not isinstance(given, dict):
        return None
    event = cast("dict[str, Any]", given)
    source = _object(event.get("source"))
    user, name = source.get("userId"), event.get("webhookEventId")
    if source.get("type") != "user" or not _is_text(user) or not _is_text(name):
        return None
    message = _object(event.get("message"))
    kind = _KINDS.get(str(event.get("type")))
    if kind is None or event.get("mode") == "standby":
        return None
    if kind is EventKind.WROTE and message.get("type") != "text":
        message = {"text": ""}
    return Event(
        id=str(name),
        kind=kind,
        user=str(user),
        at=_moment(event.get("timestamp")),
        text=str(message.get("text", "")) if kind is EventKind.WROTE else "",
        reply=str(event.get("replyToken") or ""),
    )


_KINDS = {
    "message": EventKind.WROTE,
    "follow": EventKind.FOLLOWED,
    "unfollow": EventKind.LEFT,
}


def _moment(milliseconds: object) -> datetime:
    try:
        return datetime.fromtimestamp(float(str(milliseconds)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unreadable("an event has no time") from None


def _object(given: object) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _is_text(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given) <= 100  # noqa: PLR2004  LINE's have 33 and 26


def _keys(account: Account) -> LineKeys:
    return cast("LineKeys", account.keys)


def _bearer(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {_keys(account).channel_access_token}"}


def _check(answer: requests.Response) -> None:
    """Raise what an answer means, unless it is 200."""
    if is_ok(answer):
        return
    status, said = answer.status_code, str(read_json(answer).get("message", ""))
    why = f"LINE answered {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise failed(MessengerFailure.OUR_KEYS, why)
    if status == HTTPStatus.TOO_MANY_REQUESTS and "monthly limit" in said:
        raise failed(MessengerFailure.QUOTA, f"{why}: the monthly limit", final=True)
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise failed(MessengerFailure.BUSY, why, again_in=post.asked_to_wait(answer.headers))
    raise failed(MessengerFailure.REFUSED, why, final=True)
