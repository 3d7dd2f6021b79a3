"""LINE and WeChat Work on this machine, over HTTPS: they check what they get as their documentation says they do.

https://developers.line.biz/en/reference/messaging-api/ and https://developer.work.weixin.qq.com/document/path/94670.
What a client does wrong is kept in `complaints`, which a test expects to be empty.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from server.notifications.messengers.sealed_calls import Envelope
from tests.services.push_service import PushService, Received, Reply

SECRET = "0123456789abcdef0123456789abcdef"
ACCESS_TOKEN = "line-access-token-of-the-stand-in"
BASIC_ID = "@123genkn"
USER = "U" + "4af4980629" * 3 + "ab"
LINE_KEYS = {"channel_secret": SECRET, "channel_access_token": ACCESS_TOKEN}
CORP, KFID, CUSTOMER = (
    "ww1234567890abcdef",
    "wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw",
    "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw",
)
CORP_SECRET = "secret-of-the-stand-in-0123456789"
TOKEN = "QDG6eK"
AES_KEY = base64.b64encode(bytes(range(32))).decode("ascii").rstrip("=")
WECOM_KEYS = {
    "corp_id": CORP,
    "open_kfid": KFID,
    "secret": CORP_SECRET,
    "token": TOKEN,
    "encoding_aes_key": AES_KEY,
}
CHAT = "https://work.weixin.qq.com/kfid/kfcbf8f8d07ac7215f?enc_scene=ENCGFSDF567DF"


def _json(body: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, {"Content-Type": "application/json"} | headers, json.dumps(body).encode())


@dataclass
class Said:
    """One text that reached somebody's phone."""

    to: str
    text: str
    way: str
    """push, reply, send_msg or send_msg_on_event."""


@dataclass
class StandIn:
    """Both messengers behind one address; `replies` are given first to what would be sent, whatever it is."""

    service: PushService
    said: list[Said] = field(default_factory=list[Said])
    complaints: list[str] = field(default_factory=list[str])
    replies: deque[Reply] = field(default_factory=deque[Reply])
    waiting: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What `kf/sync_msg` hands out."""
    tokens: int = 0
    """How often an access token was asked for."""
    writable: bool = True
    """Whether the WeChat customer wrote within 48 hours."""
    line_tokens: set[str] = field(default_factory=set[str])
    _accepted: set[str] = field(default_factory=set[str])
    _events: int = 0

    @classmethod
    def of(cls, folder: Path) -> "Self":
        """Listen on a free port of localhost."""
        service = PushService(folder)
        made = cls(service)
        service.note = made.answer  # type: ignore[method-assign]
        return made

    def __enter__(self) -> Self:
        self.service.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.service.__exit__()

    def wait_until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until something that other processes bring about is seen."""
        ends = time.monotonic() + seconds
        pause = threading.Event()
        while not true():
            if time.monotonic() > ends:
                raise TimeoutError("it did not happen in time")
            pause.wait(0.05)

    def answer(self, request: Received) -> Reply:
        """Answer one request as the messenger would."""
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/v2/bot/"):
            return self._line(parts.path, request)
        if parts.path.startswith("/cgi-bin/"):
            return self._wecom(parts.path.removeprefix("/cgi-bin/"), query, request)
        self.complaints.append(f"unknown address {parts.path}")
        return _json({"message": "Not found"}, 404)

    # LINE

    def _line(self, path: str, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
            return _json({"message": "Authentication failed"}, 401)
        if path == "/v2/bot/info":
            return _json(
                {"userId": "U0", "basicId": BASIC_ID, "displayName": "x", "chatMode": "bot"}
            )
        if self.replies:
            return self.replies.popleft()
        body: dict[str, Any] = json.loads(request.body)
        texts = [each["text"] for each in body["messages"] if each["type"] == "text"]
        if len(texts) != 1 or not 0 < len(texts[0]) <= 5000:
            self.complaints.append("a message object that LINE refuses")
        match path:
            case "/v2/bot/message/reply":
                return self._line_reply(body, request)
            case "/v2/bot/message/push":
                return self._line_push(body, request.headers.get("x-line-retry-key", ""))
            case _:
                self.complaints.append(f"unknown endpoint {path}")
                return _json({"message": "Not found"}, 404)

    def _line_reply(self, body: dict[str, Any], request: Received) -> Reply:
        if set(body) != {"replyToken", "messages"} or "x-line-retry-key" in request.headers:
            self.complaints.append("a reply that LINE refuses")
        if body["replyToken"] not in self.line_tokens:
            return _json({"message": "Invalid reply token"}, 400)
        self.line_tokens.discard(body["replyToken"])
        self.said.append(Said(USER, body["messages"][0]["text"], "reply"))
        return _json({"sentMessages": []})

    def _line_push(self, body: dict[str, Any], key: str) -> Reply:
        try:
            UUID(key)
        except ValueError:
            self.complaints.append("a retry key that is no UUID")
        if key in self._accepted:
            return _json({"message": "The retry key is already accepted"}, 409)
        self._accepted.add(key)
        if not re.fullmatch(r"U[0-9a-f]{32}", body["to"]):
            self.complaints.append(f"to is no user id: {body['to']}")
        self.said.append(Said(body["to"], body["messages"][0]["text"], "push"))
        return _json({"sentMessages": []})

    def line_event(self, kind: str = "message", text: str = "", **more: Any) -> dict[str, Any]:
        """A webhook event object."""
        self._events += 1
        event: dict[str, Any] = {
            "type": kind,
            "mode": "active",
            "timestamp": 1775019600000,
            "source": {"type": "user", "userId": USER},
            "webhookEventId": f"01FZ74A0TDDPYRVKNK77XK{self._events:04}",
            "deliveryContext": {"isRedelivery": False},
        }
        if kind == "message":
            event["message"] = {"id": "444", "type": "text", "text": text}
        if kind in ("message", "follow"):
            event["replyToken"] = f"reply-{self._events}"
            self.line_tokens.add(event["replyToken"])
        return event | more

    # WeChat Work

    def _wecom(self, what: str, query: dict[str, str], request: Received) -> Reply:
        if what == "gettoken":
            self.tokens += 1
            if query != {"corpid": CORP, "corpsecret": CORP_SECRET}:
                return _json({"errcode": 40001, "errmsg": "invalid credential"})
            return _json(
                {
                    "errcode": 0,
                    "errmsg": "ok",
                    "access_token": f"at-{self.tokens}",
                    "expires_in": 7200,
                }
            )
        if query.get("access_token") != f"at-{self.tokens}":
            return _json({"errcode": 40014, "errmsg": "invalid access_token"})
        body: dict[str, Any] = json.loads(request.body)
        if what == "kf/sync_msg":
            return self._sync(body)
        if what in ("kf/send_msg", "kf/send_msg_on_event"):
            return self._send(what, body)
        return self._contact_way(what, body)

    def _contact_way(self, what: str, body: dict[str, Any]) -> Reply:
        if what != "kf/add_contact_way":
            self.complaints.append(f"unknown endpoint {what}")
        scene = re.fullmatch(r"[0-9a-zA-Z_-]{1,32}", body["scene"])
        if body["open_kfid"] != KFID or not scene:
            return _json({"errcode": 95000, "errmsg": "invalid open_kfid"})
        return _json({"errcode": 0, "errmsg": "ok", "url": CHAT})

    def _sync(self, body: dict[str, Any]) -> Reply:
        if self.replies:
            return self.replies.popleft()
        start = int(body["cursor"] or 0)
        page = self.waiting[start : start + 2]
        end = start + len(page)
        return _json(
            {
                "errcode": 0,
                "errmsg": "ok",
                "next_cursor": str(end),
                "has_more": int(end < len(self.waiting)),
                "msg_list": page,
            }
        )

    def _send(self, what: str, body: dict[str, Any]) -> Reply:
        if self.replies:
            return self.replies.popleft()
        if not re.fullmatch(r"[0-9a-zA-Z_-]{1,32}", body["msgid"]) or body["msgtype"] != "text":
            self.complaints.append("a message that WeChat Work refuses")
        text = body["text"]["content"]
        if len(text.encode()) > 2048:
            self.complaints.append("a text of more than 2048 bytes")
        if what.endswith("on_event"):
            if not body.get("code", "").startswith("welcome-"):
                return _json({"errcode": 95005, "errmsg": "invalid code"})
            self.said.append(Said(CUSTOMER, text, "send_msg_on_event"))
        else:
            if not self.writable:
                return _json({"errcode": 95002, "errmsg": "out of time limit"})
            if body["open_kfid"] != KFID:
                self.complaints.append("another account's message")
            self.said.append(Said(body["touser"], text, "send_msg"))
        return _json({"errcode": 0, "errmsg": "ok", "msgid": body["msgid"]})

    def kf_event(self, kind: str, at: int, **more: Any) -> None:
        """Something for `sync_msg`: enter_session, msg_send_fail."""
        event = {"event_type": kind, "open_kfid": KFID, "external_userid": CUSTOMER} | more
        name = f"kf-{len(self.waiting)}"
        self.waiting.append(
            {"msgid": name, "send_time": at, "origin": 4, "msgtype": "event", "event": event}
        )

    def kf_text(self, text: str, at: int) -> None:
        """A text of the customer for `sync_msg`."""
        self.waiting.append(
            {
                "msgid": f"kf-{len(self.waiting)}",
                "open_kfid": KFID,
                "external_userid": CUSTOMER,
                "send_time": at,
                "origin": 3,
                "msgtype": "text",
                "text": {"content": text},
            }
        )


def line_signature(body: bytes, secret: str = SECRET) -> str:
    """What LINE puts into `x-line-signature`."""
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    return base64.b64encode(digest).decode("ascii")


def line_hook(app: Flask, *events: dict[str, Any], signature: str | None = None) -> TestResponse:
    """Send a webhook as LINE does."""
    body = json.dumps({"destination": "U0", "events": list(events)}).encode()
    signed = line_signature(body) if signature is None else signature
    return app.test_client().post(
        "/hooks/line/TYO",
        data=body,
        content_type="application/json; charset=utf-8",
        headers={"x-line-signature": signed},
    )


def wecom_query(sealed: str, timestamp: str = "1409659813") -> dict[str, str]:
    """The signed part of a callback's address."""
    signature = Envelope(TOKEN, AES_KEY, CORP).signature(timestamp, "1372623149", sealed)
    return {"msg_signature": signature, "timestamp": timestamp, "nonce": "1372623149"}


def wecom_hook(app: Flask, timestamp: str = "1409659813") -> TestResponse:
    """Send a callback as WeChat Work does: something waits."""
    text = (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><CreateTime>1348831860</CreateTime>"
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[kf_msg_or_event]]></Event>"
        f"<Token><![CDATA[ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR]]></Token>"
        f"<OpenKfId><![CDATA[{KFID}]]></OpenKfId></xml>"
    )
    sealed = Envelope(TOKEN, AES_KEY, CORP).sealed(text.encode())
    body = (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[0]]></AgentID>"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return app.test_client().post(
        "/hooks/wecom/TYO", query_string=wecom_query(sealed, timestamp), data=body
    )
