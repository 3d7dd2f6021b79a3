"""Sites, zones, portals, access points and rooms, over HTTP and on both databases."""

import pytest

from server.kernel.principal import Principal
from server.kernel.work import Office
from server.places import models
from tests.fakes.client import Client

SITE = {"code": "OSA", "name": "Osaka", "time_zone": "Asia/Tokyo", "static_zones": [1]}
POINT = {"portal": "gate", "zone": 1, "gate": "gate-9", "controller": "turnstile-9"}


@pytest.fixture
def osaka(client: Client) -> Client:
    """An administrator's client; the site has a zone and a portal."""
    client.sign_in("administrator")
    assert client.call("POST", "/sites", SITE).status_code == 201
    zone = {"name": "Hall", "translations": {"ja": "ホール"}}
    assert client.call("PUT", "/sites/OSA/zones/1", zone).status_code == 200
    portal = {"name": "Gate", "kind": "turnstile"}
    assert client.call("PUT", "/sites/OSA/portals/gate", portal).status_code == 200
    return client


def test_what_was_put_is_what_is_shown(osaka: Client) -> None:
    put = osaka.json(osaka.call("PUT", "/sites/OSA/access-points/gate-in", POINT))
    shown = osaka.json(osaka.call("GET", "/sites/OSA/access-points"))["items"]
    assert shown == [put]
    assert put["classes"] == ["static", "bound", "refreshed"]
    room = {"name": "Ume", "zone": 1, "portal": "gate", "capacity": 4}
    made = osaka.json(osaka.call("POST", "/sites/OSA/rooms", room))
    assert osaka.json(osaka.call("GET", "/sites/OSA/rooms"))["items"] == [made]


def test_putting_the_same_twice_changes_nothing(osaka: Client) -> None:
    once = osaka.json(osaka.call("PUT", "/sites/OSA/access-points/gate-in", POINT))
    assert osaka.json(osaka.call("PUT", "/sites/OSA/access-points/gate-in", POINT)) == once


def test_static_credentials_are_admitted_only_into_zones_that_the_site_names(
    osaka: Client, office: Office
) -> None:
    osaka.call("PUT", "/sites/OSA/zones/2", {"name": "Office"})
    osaka.call("PUT", "/sites/OSA/access-points/one", POINT)
    osaka.call("PUT", "/sites/OSA/access-points/two", {**POINT, "zone": 2})
    with office.reading(Principal.system()) as work:
        site = work.session.get_one(models.Site, "OSA")
        one, two = models.access_points_of_gate(work.session, site.code, "gate-9")  # pyright: ignore[reportArgumentType]
        assert "static" in one.admitted(site)
        assert two.admitted(site) == {"bound", "refreshed"}


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("access-points/gate-in", {"zone": 7}, "zone"),
        ("access-points/gate-in", {"zone": 24}, "zone"),
        ("access-points/gate-in", {"portal": "nowhere"}, "portal"),
        ("access-points/gate-in", {"pulse_ms": 60_001}, "pulse_ms"),
        ("access-points/gate-in", {"pulse_ms": 0}, "pulse_ms"),
        ("access-points/gate-in", {"classes": []}, "classes"),
        ("access-points/gate-in", {"gate": "G"}, "gate"),
        ("access-points/Gate In", {}, "access_point"),
    ],
)
def test_a_wrong_access_point_is_refused_and_the_field_named(
    osaka: Client, path: str, change: dict[str, object], field: str
) -> None:
    answer = osaka.call("PUT", f"/sites/OSA/{path}", {**POINT, **change})
    assert answer.status_code == 422
    assert [each["field"] for each in osaka.json(answer)["errors"]] == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "osa"}, "code"),
        ({"code": "ALL"}, "code"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"languages": []}, "languages"),
        ({"static_zones": [0]}, "static_zones.0"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_site_is_refused_and_the_field_named(
    osaka: Client, change: dict[str, object], field: str
) -> None:
    answer = osaka.call("POST", "/sites", {**SITE, "code": "NGO", **change})
    assert [each["field"] for each in osaka.json(answer)["errors"]] == [field]


def test_a_site_code_is_given_once(osaka: Client) -> None:
    assert osaka.call("POST", "/sites", SITE).status_code == 409


def test_what_belongs_to_another_site_is_not_found(osaka: Client) -> None:
    osaka.call("POST", "/sites", {**SITE, "code": "NGO"})
    floor = osaka.json(osaka.call("POST", "/sites/NGO/floors", {"number": 0, "name": "Ground"}))
    answer = osaka.call("PUT", "/sites/OSA/zones/1", {"name": "Hall", "floor": floor["id"]})
    assert osaka.json(answer)["errors"][0]["field"] == "floor"
    path = f"/sites/OSA/floors/{floor['id']}"
    assert osaka.call("PUT", path, {"number": 1, "name": "First"}).status_code == 404


def test_a_host_sees_places_and_changes_none(osaka: Client) -> None:
    osaka.sign_in("host")
    assert osaka.call("GET", "/sites").status_code == 200
    assert osaka.call("PUT", "/sites/OSA/zones/1", {"name": "X"}).status_code == 403
    assert osaka.app.test_client().get("/api/v1/sites").status_code == 401


def test_the_openapi_document_describes_every_route_of_the_api(client: Client) -> None:
    document = client.json(client.http.get("/api/v1/openapi.json"))
    assert document["openapi"].startswith("3.1")
    rules = {
        rule.rule.replace("<", "{").replace(">", "}")
        for rule in client.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
    } - {"/api/v1/", "/api/v1/openapi.json"}
    undescribed = {rule for rule in rules if rule.split(":")[-1] not in document["paths"]}
    assert undescribed == set()
    problem = document["components"]["schemas"]["Problem"]
    assert set(problem["properties"]) == {"type", "title", "status", "detail", "errors"}
