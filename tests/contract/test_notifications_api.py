"""The API of how a host is told: one's own account only, and no address is ever shown again."""

import pytest

from server.kernel.ids import PersonId
from server.kernel.principal import Principal
from server.notifications.actions import NoticeKind
from server.visits import actions as visits
from tests.fakes.api import NOBODY, Api, body_of
from tests.services.push_service import Browser

BASE = "/notifications"
SYSTEM = Principal.system("tests")


def test_a_host_adds_a_browser_and_a_messenger_and_removes_them(api: Api) -> None:
    browser = Browser("https://push.example.com")
    key = api.read(f"{BASE}/push-key", "host")["public_key"]
    assert api.read(f"{BASE}/push-key", "host")["public_key"] == key
    new = {"subscription": browser.subscription, "label": "My phone"}
    made = api.ask("host", "POST", f"{BASE}/channels", new)
    assert made.status_code == 201
    hook = {"url": "ntfys://ntfy.example.com/topic-s3cret"}
    assert api.ask("host", "POST", f"{BASE}/channels", hook).status_code == 201
    listed = api.ask("host", "GET", f"{BASE}/channels")
    assert [
        (each["kind"], each["goes_to"], each["label"]) for each in body_of(listed)["items"]
    ] == [
        ("push", "push.example.com", "My phone"),
        ("service", "ntfy", "ntfy"),
    ]
    assert "s3cret" not in listed.text
    assert browser.path not in listed.text
    for each in body_of(listed)["items"]:
        path = f"{BASE}/channels/{each['id']}"
        assert api.ask("other", "DELETE", path).status_code == 404
        assert api.ask("other", "POST", f"{path}/test").status_code == 404
        assert api.ask("host", "POST", f"{path}/test").status_code == 202
        assert api.ask("host", "DELETE", path).status_code == 204
    assert api.read(f"{BASE}/channels", "host") == {"items": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"subscription": {"endpoint": "http://push.example.com/x", "keys": {}}},
        {
            "subscription": {
                "endpoint": "https://push.example.com/",
                "keys": {"p256dh": "", "auth": ""},
            }
        },
        {"url": "file:///etc/passwd"},
        {"url": "json://127.0.0.1/"},
    ],
)
def test_what_is_no_channel_is_refused_by_its_field(api: Api, wrong: dict[str, object]) -> None:
    refused = api.ask("host", "POST", f"{BASE}/channels", wrong)
    assert refused.status_code == 422
    assert body_of(refused)["errors"]


def test_a_point_that_is_not_on_the_curve_is_refused(api: Api) -> None:
    subscription = Browser("https://push.example.com").subscription
    subscription["keys"]["p256dh"] = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" + "A" * 43
    refused = api.ask("host", "POST", f"{BASE}/channels", {"subscription": subscription})
    assert refused.status_code == 422
    assert "p256dh" in body_of(refused)["errors"][0]["field"]


def test_a_host_chooses_how_to_be_told(api: Api) -> None:
    assert api.read(f"{BASE}/preferences", "other")["deputy_after"] == 5
    wanted = {
        "time_zone": "Asia/Tokyo",
        "quiet_hours": {"begin": "20:00", "end": "07:30", "days": [1, 2, 3, 4, 5]},
        "hide_names": True,
        "deputy_after": None,
    }
    kept = api.ask("other", "PUT", f"{BASE}/preferences", wanted)
    assert kept.status_code == 200
    shown = api.read(f"{BASE}/preferences", "other")
    assert shown["quiet_hours"] == {"begin": "20:00:00", "end": "07:30:00", "days": [1, 2, 3, 4, 5]}
    assert (shown["hide_names"], shown["deputy_after"]) == (True, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"quiet_hours": {"begin": "00:00", "end": "00:00"}},
        {"quiet_hours": {"begin": "20:00Z", "end": "07:00"}},
        {"deputy_after": 0},
    ],
)
def test_choices_that_make_no_sense_are_refused(api: Api, wrong: dict[str, object]) -> None:
    assert api.ask("host", "PUT", f"{BASE}/preferences", wrong).status_code == 422


def test_a_host_sees_what_was_told_and_reacts(api: Api) -> None:
    reception = api.reception
    visit = reception.invite()
    guest = reception.guests_of(visit)[0]
    with reception.office.begin(SYSTEM) as work:
        notice = visits.tell_host(work, visit.id, guest.id, NoticeKind.ARRIVED)
    shown = api.read(f"{BASE}/notices", "host")["items"][0]
    assert (shown["id"], shown["title"]) == (notice, "Guest 1 has arrived")
    assert [(each["kind"], each["state"]) for each in shown["deliveries"]] == [("mail", "waiting")]
    assert api.ask("other", "POST", f"{BASE}/notices/{notice}/reaction").status_code == 404
    assert api.ask("host", "POST", f"{BASE}/notices/{notice}/reaction").status_code == 204
    shown = api.read(f"{BASE}/notices", "host")["items"][0]
    assert shown["reacted_at"]
    assert shown["deliveries"][0]["state"] == "withdrawn"


def test_a_host_names_a_deputy(api: Api) -> None:
    host, other = (api.reception.people[each] for each in ("host", "other"))
    named = api.ask("host", "PUT", f"/people/{host}/deputy", {"deputy": other})
    assert body_of(named)["deputy"] == other
    wrong = PersonId("f" * 32)
    assert api.ask("host", "PUT", f"/people/{host}/deputy", {"deputy": wrong}).status_code == 422
    assert api.ask("host", "PUT", f"/people/{other}/deputy", {"deputy": host}).status_code == 403
    gone = api.ask("host", "PUT", f"/people/{host}/deputy", {"deputy": None})
    assert body_of(gone)["deputy"] is None


@pytest.mark.parametrize("path", ["push-key", "channels", "preferences", "notices"])
def test_nobody_and_no_token_without_the_hosts_right_learns_of_it(api: Api, path: str) -> None:
    assert api.ask(NOBODY, "GET", f"{BASE}/{path}").status_code == 401
    assert api.ask("security", "GET", f"{BASE}/{path}").status_code == 403
