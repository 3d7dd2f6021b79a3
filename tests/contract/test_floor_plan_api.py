"""A floor plan comes in over the API: read before the work begins, so that nobody waits for it."""

import pytest
from flask.testing import FlaskClient

from server.app import create_app
from server.places.models import Site
from tests.fakes.buildings import sample_files, zipped
from tests.fakes.reception import SITE, SYSTEM, Reception

PATH = f"/api/v1/sites/{SITE}/floor-plan"


@pytest.fixture
def client(reception: Reception) -> FlaskClient:
    client = create_app(reception.office.settings, reception.office).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {reception.token_of('admin')}"
    # The first use of a token is noted; what is tested below then writes nothing besides.
    assert client.get("/api/v1/me").status_code == 200
    return client


def test_a_faulty_plan_is_refused_while_somebody_else_is_writing(
    reception: Reception, client: FlaskClient
) -> None:
    files = sample_files()
    files["unit"]["features"][6]["properties"]["category"] = "hall"
    with reception.office.begin(SYSTEM) as work:
        work.session.get_one(Site, SITE).address = "1 Marunouchi"
        work.session.flush()
        refused = client.put(PATH, data=zipped(files), content_type="application/zip")
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"].startswith("unit.geojson")


def test_a_plan_that_is_in_order_is_kept_and_shown(client: FlaskClient) -> None:
    kept = client.put(PATH, data=zipped(sample_files()), content_type="application/zip")
    assert kept.status_code == 200
    assert [each["ordinal"] for each in kept.get_json()["floors"]] == [0, 1, 2]
    assert client.get(PATH).get_json() == kept.get_json()
