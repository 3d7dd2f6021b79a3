"""The pass of the house's own people in a real browser: read by the real gate, without a network, on one phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from access_protocol import credential as protocol
from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from demo.chromium import PHONE
from gate_agent.decoder.process import DecodingProcess
from server.credentials import actions as credentials
from server.credentials import models
from server.credentials.models import Issue
from server.kernel.ids import PersonId
from server.kernel.principal import Principal
from server.people import models as people
from server.people.models import Person
from tests.browser.conftest import OpenContext, sign_in
from tests.fakes.panel_site import SITE
from tests.fakes.pass_scene import PassGate, PassSite, serving

pytestmark = pytest.mark.browser

SOON = 60_000


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("host-pass")) as served:
        yield served


@pytest.fixture
def gate(scene: PassSite) -> Iterator[PassGate]:
    with DecodingProcess() as process:
        yield PassGate(process, scene)


def host(scene: PassSite) -> PersonId:
    with scene.site.office.begin(Principal.system()) as work:
        found = people.by_email(work.session, "host@genkan.example")
        assert found is not None
        credentials.allow(work, found.id, SITE, [2, 3])
        return found.id


def bound(scene: PassSite, person: PersonId) -> Issue:
    with scene.site.office.reading(Principal.system()) as work:
        held = models.of_person(work.session, person, SiteCode(SITE))
        assert held is not None
        issue = models.bound_issue(work.session, held.id)
        assert issue is not None
        return issue


def phone(open_context: OpenContext, scene: PassSite) -> Page:
    page = open_context(
        viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=3, locale="en"
    ).new_page()
    sign_in(page, scene.url, "host")
    page.goto(f"{scene.url}/host/pass")
    return page


def shows(page: Page, mode: str) -> None:
    expect(page.locator("#pass")).to_have_attribute("data-mode", mode, timeout=SOON)


def test_a_hosts_phone_is_read_by_the_gate_also_without_a_network_until_another_takes_over(
    scene: PassSite, gate: PassGate, open_context: OpenContext
) -> None:
    person = host(scene)
    first = phone(open_context, scene)
    shows(first, "bound")
    expect(first.locator("#pass")).to_have_attribute("data-offline", "ready", timeout=SOON)
    before = bound(scene, person)
    first.context.set_offline(True)
    first.reload()
    shows(first, "bound")
    gate.holds(before)
    expect(first.locator("#pass")).to_have_attribute("data-presentation", "short", timeout=SOON)
    texts = gate.reads(first.locator(".pass-code").screenshot())
    decision = gate.decides(*texts)
    assert decision is not None
    assert decision.granted, decision.reason
    assert decision.credential_id == protocol.CredentialId(bytes(before.credential))
    # Another phone that is signed in takes over, and the first one says so when it has a network.
    second = phone(open_context, scene)
    shows(second, "moved")
    second.get_by_role("button", name="Use this phone").click()
    shows(second, "bound")
    assert bound(scene, person).generation == before.generation + 1
    first.context.set_offline(False)
    first.evaluate("window.dispatchEvent(new Event('online'))")
    shows(first, "moved")


def test_a_kept_pass_turns_to_the_language_that_was_chosen_meanwhile(
    scene: PassSite, open_context: OpenContext
) -> None:
    person = host(scene)
    page = phone(open_context, scene)
    expect(page.locator("#pass")).to_have_attribute("data-offline", "ready", timeout=SOON)
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#pass")).to_have_attribute("data-offline", "ready", timeout=SOON)
    with scene.site.office.begin(Principal.system()) as work:
        work.session.get_one(Person, person).language = Language.JA
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("html")).to_have_attribute("lang", "ja", timeout=SOON)
    expect(page.get_by_role("heading", name="私の入館証")).to_be_visible()
