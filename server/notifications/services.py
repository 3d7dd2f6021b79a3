"""Which messengers a host may choose: the apprise services that were looked at, by the beginning of their URL.

Each speaks HTTPS to the service's own address, or to the one that the URL names, and does nothing else: none reads a
file, starts a program, speaks to this machine or sends mail.
"""

from urllib.parse import urlsplit

from server.kernel.errors import Invalid
from server.kernel.text import breaks_line

LONGEST_URL = 1000
NAMES = {
    "dingtalk": "DingTalk",
    "discord": "Discord",
    "feishu": "Feishu",
    "gotifys": "Gotify",
    "jsons": "JSON hook",
    "lark": "Lark",
    "line": "LINE",
    "matrixs": "Matrix",
    "mmosts": "Mattermost",
    "ntfys": "ntfy",
    "pbul": "Pushbullet",
    "pover": "Pushover",
    "rockets": "Rocket.Chat",
    "slack": "Slack",
    "tgram": "Telegram",
    "webex": "Webex",
    "wecombot": "WeCom",
    "workflows": "Microsoft Teams",
    "zulip": "Zulip",
}
"""Service by the scheme of its URL."""


def name_of(url: str) -> str:
    """Return the service that a URL is for; raises `Invalid` where it is none that may be used."""
    scheme = url.partition("://")[0].lower()
    if len(url) > LONGEST_URL or any(breaks_line(each) or each.isspace() for each in url):
        raise Invalid([("url", f"must be on one line of at most {LONGEST_URL} characters")])
    if scheme not in NAMES:
        known = ", ".join(f"{each}://" for each in sorted(NAMES))
        raise Invalid([("url", f"must begin with one of {known}")])
    try:
        empty = not urlsplit(url).netloc
    except ValueError:
        empty = True
    if empty:
        raise Invalid([("url", f"says nothing after {scheme}://")])
    return NAMES[scheme]
