"""Credentials for a TURN server, made on the spot and worthless after some hours.

The scheme is that of draft-uberti-behave-turn-rest, which coturn calls `use-auth-secret`: the user name is the time at
which it ends, the password its HMAC-SHA1 under the secret that both servers know.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class IceServer:
    """A server that helps two browsers find each other, as RTCPeerConnection takes it."""

    urls: list[str]
    username: str = ""
    credential: str = ""


def servers(urls: str, secret: str, who: str, until: datetime) -> list[IceServer]:
    """Return what GENKAN_TURN_URLS names; `who` tells calls apart in the TURN server's log and nothing more."""
    listed = [each.strip() for each in urls.split(",") if each.strip()]
    stun = [each for each in listed if each.startswith("stun")]
    turn = [each for each in listed if each.startswith("turn")]
    found = [IceServer(stun)] if stun else []
    if turn:
        username = f"{int(until.timestamp())}:{who}"
        found.append(IceServer(turn, username, password(secret, username)))
    return found


def password(secret: str, username: str) -> str:
    """Return the password that belongs to a user name."""
    mac = hmac.digest(secret.encode(), username.encode(), "sha1")
    return base64.b64encode(mac).decode()
