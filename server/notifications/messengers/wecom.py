"""WeChat Work (WeCom), its customer service "微信客服": the visitor writes from their own WeChat.

https://developer.work.weixin.qq.com/document/path/94670 (what comes), 94677 (send_msg), 95122 (send_msg_on_event),
94665 (add_contact_way), 91039 (gettoken), 90313 (the list of errcodes). A callback only says that something is there;
`kf/sync_msg` fetches it. Once the visitor has written we may send five messages within 48 hours, not more.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn, cast
from urllib.parse import quote

import requests
from pydantic import AfterValidator, Field

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
    ask,
    failed,
    is_ok,
    read_json,
)
from server.notifications.messengers.sealed_calls import AES_KEY_CHARACTERS, Envelope, fields_of

SCENE = "genkan"
PAGE = 20
"""Messages fetched at once: each may hold 2 KB of text, and an answer is read up to 64 KB."""
EARLIER = timedelta(minutes=5)
"""An access token is renewed so long before it ends."""
_BY_CUSTOMER, _BY_SYSTEM = 3, 4
_TOKEN_OVER = frozenset({40014, 41001, 42001})
_OUR_KEYS = frozenset({40001, 40013, 48002, 60011, 60020, 95000, 95004, 95017})
_BUSY = frozenset({-1, 45009, 45033})
_MUTE = frozenset({95001, 95002, 95013})
_UNKNOWN_USER = 40096
_REJECTED = 10
"""`fail_type`: the customer refuses our messages."""
_WINDOW_CLOSED = frozenset({4, 5, 6})
"""`fail_type`: 48 hours are over, the conversation is closed, or five messages were sent."""


def _is_key(text: str) -> str:
    try:
        Envelope("", text, "")
    except ValueError as error:
        raise ValueError("is no EncodingAESKey: copy its 43 characters") from error
    return text


class WecomKeys(Keys):
    """From WeChat Work's console: the company's page, and the customer service's page with its API and callback."""

    corp_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
    secret: Annotated[str, Field(min_length=16, max_length=128, pattern=r"^[!-~]+$")]
    open_kfid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3,32}$")]
    encoding_aes_key: Annotated[
        str,
        Field(min_length=AES_KEY_CHARACTERS, max_length=AES_KEY_CHARACTERS),
        AfterValidator(_is_key),
    ]


class Wecom:
    """The adapter; it keeps access tokens, so one of it serves a whole process."""

    kind = MessengerKind.WECOM
    keys: type[Keys] = WecomKeys

    def __init__(self, api_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Speak to the API at an address."""
        self._api = api_url.rstrip("/")
        self._clock = clock
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def join_url(self, account: Account, code: str) -> str:
        """Return the account's link with the code as its parameter: it comes back when the chat is entered."""
        joint = "&" if "?" in account.address else "?"
        return f"{account.address}{joint}scene_param={quote(code, safe='')}"

    def greet(self, account: Account, asked: Asked) -> str:
        """Return the text in `echostr`."""
        return _opened(account, asked, asked.query.get("echostr", "")).decode("utf-8", "replace")

    def hear(self, account: Account, asked: Asked) -> Heard:
        """Check and open a callback; it holds what `sync_msg` asks for."""
        sealed = fields_of(asked.body).get("Encrypt", "")
        said = fields_of(_opened(account, asked, sealed))
        ours = said.get("OpenKfId", "") in ("", _keys(account).open_kfid)
        if said.get("Event") != "kf_msg_or_event" or not ours:
            return Heard()
        return Heard(errand=said.get("Token", "")[:200])

    def set_up(self, account: Account, http: requests.Session) -> str:
        """Return the account's link; one that was asked for with a scene takes a parameter."""
        body = {"open_kfid": _keys(account).open_kfid, "scene": SCENE}
        found = self._call(account, http, "kf/add_contact_way", body).get("url")
        if not isinstance(found, str) or not found.startswith("https://"):
            raise failed(MessengerFailure.REFUSED, "WeChat Work told no link", final=True)
        return found

    def fetch(self, account: Account, http: requests.Session, errand: str) -> Fetched:
        """Fetch what follows the cursor."""
        body = {
            "cursor": account.cursor,
            "token": errand,
            "limit": PAGE,
            "voice_format": 0,
            "open_kfid": _keys(account).open_kfid,
        }
        found = self._call(account, http, "kf/sync_msg", body)
        listed: object = found.get("msg_list")
        messages = cast("list[object]", listed) if isinstance(listed, list) else []
        cursor = str(found.get("next_cursor") or account.cursor)
        return Fetched(
            tuple(read for each in messages if (read := _read(each)) is not None),
            cursor,
            # A cursor that stands still would have us ask for ever.
            more=found.get("has_more") == 1 and cursor != account.cursor,
        )

    def send(self, account: Account, http: requests.Session, message: Message) -> None:
        """Answer who just came in by the event's code; otherwise write."""
        body: dict[str, object] = {
            "msgid": message.key,
            "msgtype": "text",
            "text": {"content": message.text},
        }
        if message.reply:
            self._call(account, http, "kf/send_msg_on_event", body | {"code": message.reply})
            return
        to = {"touser": message.to, "open_kfid": _keys(account).open_kfid}
        self._call(account, http, "kf/send_msg", body | to)

    def _call(
        self, account: Account, http: requests.Session, what: str, body: Mapping[str, object]
    ) -> dict[str, Any]:
        token = self._token(account, http)
        code, found = self._ask(http, what, body, token)
        if code in _TOKEN_OVER:
            # They may end one before its time; the next is asked for once.
            token = self._token(account, http, instead_of=token)
            code, found = self._ask(http, what, body, token)
        if code != 0:
            _refuse(what, code)
        return found

    def _ask(
        self, http: requests.Session, what: str, body: Mapping[str, object], token: str
    ) -> tuple[int, dict[str, Any]]:
        sent = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        url = f"{self._api}/cgi-bin/{what}"
        answer = ask(http, "POST", url, params={"access_token": token}, data=sent, headers=headers)
        return _errcode(answer)

    def _token(self, account: Account, http: requests.Session, instead_of: str = "") -> str:
        keys = _keys(account)
        name = (keys.corp_id, keys.secret)
        with self._lock:
            token, ends = self._tokens.get(name, ("", 0.0))
            if token and token != instead_of and self._clock() < ends:
                return token
            query = {"corpid": keys.corp_id, "corpsecret": keys.secret}
            answer = ask(http, "GET", f"{self._api}/cgi-bin/gettoken", params=query)
            code, found = _errcode(answer)
            if code != 0:
                _refuse("gettoken", code)
            token, lasts = found.get("access_token"), found.get("expires_in")
            if not isinstance(token, str) or not isinstance(lasts, int):
                raise failed(MessengerFailure.BUSY, "gettoken answered without a token")
            self._tokens[name] = (token, self._clock() + lasts - EARLIER.total_seconds())
            return token


def _errcode(answer: requests.Response) -> tuple[int, dict[str, Any]]:
    found = read_json(answer)
    code = found.get("errcode", 0 if "access_token" in found else None)
    if not is_ok(answer) or not isinstance(code, int):
        raise failed(MessengerFailure.BUSY, f"WeChat Work answered {answer.status_code}")
    return code, found


def _refuse(what: str, code: int) -> NoReturn:
    why = f"{what} answered errcode {code}"
    if code in _OUR_KEYS | _TOKEN_OVER:
        raise failed(MessengerFailure.OUR_KEYS, why)
    if code in _BUSY:
        raise failed(MessengerFailure.BUSY, why, again_in=timedelta(seconds=60 if code > 0 else 0))
    if code in _MUTE:
        raise failed(MessengerFailure.MUTE, why, final=True)
    if code == _UNKNOWN_USER:
        raise failed(MessengerFailure.BLOCKED, why, final=True)
    raise failed(MessengerFailure.REFUSED, why, final=True)


def _opened(account: Account, asked: Asked, sealed: str) -> bytes:
    keys, query = _keys(account), asked.query
    envelope = Envelope(keys.token, keys.encoding_aes_key, keys.corp_id)
    signature, timestamp, nonce = (
        query.get(name, "") for name in ("msg_signature", "timestamp", "nonce")
    )
    return envelope.opened(signature, timestamp, nonce, sealed)


def _read(given: object) -> Event | None:
    """Return what a customer did; what our own people write in their console is none of it."""
    if not isinstance(given, dict):
        return None
    message = cast("dict[str, Any]", given)
    name, event = str(message.get("msgid") or ""), _object(message.get("event"))
    user = str(message.get("external_userid") or event.get("external_userid") or "")
    if not name or not user:
        return None
    kind, text, reply = None, "", ""
    if message.get("msgtype") != "event":
        if message.get("origin") == _BY_CUSTOMER:
            kind, text = EventKind.WROTE, str(_object(message.get("text")).get("content", ""))
    elif event.get("event_type") == "enter_session":
        kind = EventKind.ENTERED
        text, reply = str(event.get("scene_param") or ""), str(event.get("welcome_code") or "")
    elif event.get("event_type") == "msg_send_fail":
        kind = _failure_kind(event.get("fail_type"))
    at = _moment(message.get("send_time"))
    if kind is None or at is None:
        return None
    return Event(name, kind, user, at, text, reply)


def _failure_kind(fail_type: object) -> EventKind | None:
    if fail_type == _REJECTED:
        return EventKind.LEFT
    return EventKind.MUTE if fail_type in _WINDOW_CLOSED else None


def _moment(seconds: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(str(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _object(given: object) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _keys(account: Account) -> WecomKeys:
    return cast("WecomKeys", account.keys)
