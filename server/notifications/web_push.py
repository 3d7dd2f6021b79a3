"""One push to one browser: Web Push (RFC 8030), encrypted for it (RFC 8291), signed by us (RFC 8292)."""

# pyright: reportUnknownMemberType=false
# pywebpush and py-vapid leave the type of some arguments open.

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests

from server.kernel import outbound
from server.kernel.principal import Principal
from server.kernel.sealing import CannotUnseal
from server.kernel.work import Office
from server.notifications import channels, post
from server.notifications.kinds import Failure
from server.notifications.models import PushKey

if TYPE_CHECKING:
    from py_vapid import Vapid02

LARGEST = 4096
"""Bytes of an encrypted message that every push service takes (RFC 8030, 7.2)."""
LARGEST_TEXT = LARGEST - 103
"""What is left of it for the message: 86 bytes of header, 16 of tag, 1 of padding (RFC 8188, 2 and 2.1)."""
LONGEST_LIFE = timedelta(days=7)
"""How long a push service keeps news that is not worthless after the visit, for a phone that is off."""
_SIGNED_FOR = timedelta(hours=12)


class WebPush:
    """Pushes with the installation's own key, over the guarded way out; hosts and visitors alike."""

    def __init__(self, office: Office) -> None:
        """Read the key from the office's database when the first push is sent."""
        self._office = office
        self._key: Vapid02 | None = None

    def push(
        self,
        subscription: dict[str, Any],
        text: str,
        headers: Mapping[str, str],
        until: datetime | None,
    ) -> None:
        """Push a text that is worth something until a moment, or raise `SendFailed`."""
        if len(text.encode()) > LARGEST_TEXT:
            raise post.failed(Failure.TOO_LARGE, f"more than {LARGEST_TEXT} bytes", final=True)
        with outbound.session(self._office.settings) as session:
            answer = self._send(session, subscription, text, headers, until)
        _judge(answer, self._office.clock.now())

    def _send(
        self,
        session: requests.Session,
        subscription: dict[str, Any],
        text: str,
        headers: Mapping[str, str],
        until: datetime | None,
    ) -> requests.Response:
        # It loads aiohttp and more: only a worker that pushes pays for it.
        from pywebpush import WebPusher  # noqa: PLC0415

        signed = {**headers, **self._signed(subscription["endpoint"])}
        try:
            answer = WebPusher(subscription, requests_session=session).send(
                text.encode(),
                signed,
                ttl=_seconds_to_live(until, self._office.clock.now()),
                timeout=outbound.TOTAL_SECONDS,
            )
        except outbound.ForbiddenAddress as error:
            raise post.failed(Failure.FORBIDDEN_ADDRESS, str(error), final=True) from error
        except requests.RequestException as error:
            # Without its text, which names the endpoint: whoever knows that can push to the browser.
            raise post.failed(Failure.UNREACHABLE, type(error).__name__) from None
        if not isinstance(answer, requests.Response):
            raise TypeError("pywebpush answered with a command line")
        return answer

    def _signed(self, endpoint: str) -> dict[str, str]:
        key = self._key = self._key or self._vapid()
        scheme, _, rest = endpoint.partition("://")
        claims = {
            "aud": f"{scheme}://{rest.partition('/')[0]}",
            "exp": int((self._office.clock.now() + _SIGNED_FOR).timestamp()),
            "sub": f"mailto:{parseaddr(self._office.settings.mail_from)[1]}",
        }
        signed: dict[str, str] = key.sign(claims)
        return signed

    def _vapid(self) -> "Vapid02":
        from py_vapid import Vapid02  # noqa: PLC0415  loaded with pywebpush, see above

        with self._office.reading(Principal.system("push")) as work:
            stored = work.session.get_one(PushKey, 1)
            try:
                secret = work.sealer.unseal(stored.sealed_private, channels.PUSH_KEY)
            except CannotUnseal as error:
                raise post.failed(Failure.SEALED, "the push key", final=True) from error
        return Vapid02.from_raw(base64.urlsafe_b64encode(secret).rstrip(b"="))


def _seconds_to_live(until: datetime | None, now: datetime) -> int:
    left = LONGEST_LIFE if until is None else until - now
    return max(0, int(min(left, LONGEST_LIFE).total_seconds()))


def _judge(answer: requests.Response, now: datetime) -> None:
    status = answer.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise post.failed(Failure.GONE, f"the push service answered {status}", final=True)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise post.failed(Failure.TOO_LARGE, f"the push service answered {status}", final=True)
    why = f"the push service answered {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise post.failed(Failure.BUSY, why, again_in=post.asked_to_wait(answer.headers, now))
    # A redirect too: it is not followed, and who answers so will do so tomorrow.
    raise post.failed(Failure.REFUSED, why, final=True)
