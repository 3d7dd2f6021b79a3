"""The pass in a real browser, read by the real gate: what the phone signs, draws, keeps, and says when it cannot."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import base45
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Page, expect

from access_protocol import credential as protocol
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.ids import CredentialId
from demo.chromium import ARGUMENTS, PHONE, chromium_program
from gate_agent.decoder.process import DecodingProcess
from server.kernel.principal import Principal
from server.visits import actions as visits
from tests.browser.conftest import OpenContext
from tests.fakes.pass_scene import PassGate, PassSite, own_address, serving

pytestmark = pytest.mark.browser

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/protocol.json").read_text("utf-8"))
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
NO_STORE = "Object.defineProperty(window, 'indexedDB', {get() { throw new DOMException('no', 'SecurityError'); }})"
SOON = 20_000
"""Milliseconds; a presentation changes within ten seconds."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("pass")) as served:
        yield served


@pytest.fixture(scope="module")
def process() -> Iterator[DecodingProcess]:
    with DecodingProcess() as running:
        yield running


@pytest.fixture
def gate(process: DecodingProcess, scene: PassSite) -> PassGate:
    return PassGate(process, scene)


@pytest.fixture
def page(open_context: OpenContext) -> Page:
    return phone(open_context)


def phone(open_context: OpenContext, **options: object) -> Page:
    usual = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 3}
    return open_context(**(usual | {"locale": "en"} | options)).new_page()


def opens_pass(page: Page, link: str, mode: str = "bound") -> None:
    """Open the invitation on this phone, and then its pass."""
    page.goto(link)
    page.get_by_role("button", name="open my invitation").click()
    page.get_by_role("link", name="Show my pass").click()
    shows(page, mode)


def shows(page: Page, mode: str) -> None:
    expect(page.locator("#pass")).to_have_attribute("data-mode", mode, timeout=SOON)


def kept_for_offline(page: Page) -> None:
    expect(page.locator("#pass")).to_have_attribute("data-offline", "ready", timeout=SOON)


def screen(page: Page, presentation: str = "") -> bytes:
    """A picture of the code as the browser drew it."""
    if presentation:
        expect(page.locator("#pass")).to_have_attribute(
            "data-presentation", presentation, timeout=SOON
        )
    return page.locator(".pass-code").screenshot()


def presented(page: Page, gate: PassGate, presentation: str) -> str:
    """What the gate reads when this presentation is on the screen."""
    for _ in range(5):
        (text,) = gate.reads(screen(page, presentation))
        # The picture may have been taken a moment after the page turned to the other one.
        if (protocol.read(text).held_id is not None) == (presentation == "short"):
            return text
    pytest.fail(f"the gate never read the {presentation} presentation")


def asks_again(page: Page) -> None:
    """What the browser says when the network is back."""
    page.evaluate("window.dispatchEvent(new Event('online'))")


# ---- What the phone signs --------------------------------------------------------------------------------------


def test_the_scripts_presentations_are_the_frozen_vectors_but_for_the_random_signature(
    scene: PassSite, page: Page
) -> None:
    page.goto(scene.url + "/v/nobody")
    frozen = {each["name"]: bytes.fromhex(each["message"]) for each in VECTORS["credentials"]}
    private = ec.derive_private_key(int(VECTORS["keys"]["holder_private"], 16), ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256"} | {
        name: base64url(number.to_bytes(32, "big"))
        for name, number in (
            ("d", private.private_numbers().private_value),
            ("x", numbers.x),
            ("y", numbers.y),
        )
    }
    full = protocol.read(protocol.to_text(frozen["bound, full presentation"]))
    assert full.credential is not None
    assert full.unverified_time is not None
    ring = [bytes.fromhex(VECTORS["keys"]["issuer_public"])]
    claims = protocol.verify_issuer(full, lambda _: ring)
    made = page.evaluate(
        """async ({jwk, credential, id, seconds}) => {
            const {full, short} = await import("/static/pass_presentation.js");
            const algorithm = {name: "ECDSA", namedCurve: "P-256"};
            const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
            const bytes = new Uint8Array(credential);
            return [await full(bytes, key, seconds), await short(bytes, new Uint8Array(id), key, seconds)];
        }""",
        {
            "jwk": jwk,
            "credential": list(full.credential),
            "id": list(claims.id),
            "seconds": full.unverified_time,
        },
    )
    for text, name in zip(
        made, ("bound, full presentation", "bound, short presentation"), strict=True
    ):
        message = base45.b45decode(text.removeprefix("GK1:"))
        assert message[:-64] == frozen[name][:-64]
        presentation = protocol.read(text).with_held(full.credential)
        assert protocol.verify_holder(presentation, claims).timestamp() == full.unverified_time


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def test_the_scripts_base45_is_that_of_rfc_9285_for_every_length(
    scene: PassSite, page: Page
) -> None:
    page.goto(scene.url + "/v/nobody")
    given = [
        bytes((number * 37 + length) % 256 for number in range(length)) for length in range(261)
    ]
    given += [b"\xff" * length for length in range(8)]
    texts = page.evaluate(
        """async (given) => {
            const {toText} = await import("/static/pass_presentation.js");
            return given.map((bytes) => toText(new Uint8Array(bytes)));
        }""",
        [list(each) for each in given],
    )
    assert texts == [protocol.to_text(each) for each in given]


# ---- What the gate reads from the screen -----------------------------------------------------------------------


def test_the_gate_grants_the_short_presentation_that_the_browser_drew_where_it_holds_the_credential(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    gate.holds(scene.bound(visitor))
    text = presented(page, gate, "short")
    assert protocol.read(text).held_id == CredentialId(visitor.credential)
    decision = gate.decides(text)
    assert decision is not None
    assert decision.granted


def test_the_gate_grants_the_full_presentation_that_the_browser_drew_without_having_heard_of_it(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    text = presented(page, gate, "full")
    decision = gate.decides(text)
    assert decision is not None
    assert decision.granted
    assert decision.credential_id == CredentialId(visitor.credential)


def test_a_copied_screenshot_is_refused_after_its_window(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    copied = presented(page, gate, "full")
    late = scene.clock.now() + timedelta(seconds=41)
    decision = gate.decides(copied, at=late)
    assert decision is not None
    assert decision.reason is DenyReason.PRESENTATION_OUT_OF_TIME


def test_each_ten_seconds_have_a_signature_of_their_own_and_both_presentations_bear_one_time(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    shown = [presented(page, gate, which) for which in ("short", "full", "short")]
    times = [protocol.read(text).unverified_time or 0 for text in shown]
    assert times[1] - times[0] in {0, 10}  # 10 where the picture of the short one was taken late
    assert times[2] - times[1] == 10
    assert times[0] % 10 == 0


def test_a_phone_whose_clock_is_months_off_presents_the_servers_time(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    page.clock.set_system_time("2031-05-05T03:00:00Z")
    opens_pass(page, scene.link(visitor))
    text = presented(page, gate, "short")
    time = protocol.read(text).unverified_time
    assert time is not None
    assert -3 < scene.clock.now().timestamp() - time < 20


# ---- Without a network, and after a restart --------------------------------------------------------------------


def test_without_a_network_the_reloaded_pass_is_granted_and_the_visit_leads_to_it(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    kept_for_offline(page)
    page.context.set_offline(True)
    page.reload()
    shows(page, "bound")
    expect(page.get_by_text("No network: your pass still works")).to_be_visible()
    text = presented(page, gate, "full")
    decision = gate.decides(text)
    assert decision is not None
    assert decision.granted
    page.goto(scene.link(visitor))
    assert page.url == scene.link(visitor) + "/pass"
    shows(page, "bound")


def test_the_key_outlives_a_reload_and_the_end_of_the_browser(
    scene: PassSite, chromium: Browser, tmp_path: Path
) -> None:
    _, visitor = scene.expect()
    link = scene.link(visitor)
    generations: list[int] = []
    for opening in range(3):
        with chromium.browser_type.launch_persistent_context(
            tmp_path, executable_path=chromium_program(), args=list(ARGUMENTS), locale="en"
        ) as context:
            page = context.new_page()
            if opening == 0:
                opens_pass(page, link)
            else:
                page.goto(link + "/pass")
                shows(page, "bound")
            page.reload()
            shows(page, "bound")
            generations.append(scene.bound(visitor).generation)
    assert len(set(generations)) == 1


def test_the_private_key_cannot_be_read_out_even_by_the_page(scene: PassSite, page: Page) -> None:
    _, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    tried = page.evaluate(
        """async () => {
            const {openStore} = await import("/static/pass_key.js");
            const {key} = await (await openStore()).read(document.getElementById("pass").dataset.pass);
            const outcome = await crypto.subtle.exportKey("jwk", key).then(() => "read", (error) => error.name);
            return [key.type, key.extractable, outcome];
        }"""
    )
    assert tried == ["private", False, "InvalidAccessError"]


def test_the_worker_keeps_passes_and_their_files_and_leaves_other_caches_alone(
    scene: PassSite, page: Page
) -> None:
    _, visitor = scene.expect()
    page.goto(scene.link(visitor))
    page.evaluate(
        "Promise.all(['genkan-pass-files-000000000000', 'genkan-host'].map((name) => caches.open(name)))"
    )
    opens_pass(page, scene.link(visitor))
    kept_for_offline(page)
    page.goto(scene.link(visitor))
    page.goto(scene.link(visitor) + "/pass")
    shows(page, "bound")
    kept = page.evaluate(
        """async () => {
            const found = {};
            for (const name of await caches.keys()) {
                const requests = await (await caches.open(name)).keys();
                found[name] = requests.map((request) => new URL(request.url).pathname);
            }
            return found;
        }"""
    )
    assert "genkan-host" in kept
    assert "genkan-pass-files-000000000000" not in kept
    assert kept.pop("genkan-pass-pages") == [page.url.removeprefix(scene.url)]
    assert {path.split("/")[1] for paths in kept.values() for path in paths} == {"static"}


def test_a_change_of_the_visit_reaches_the_open_pass_with_a_credential_signed_anew(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    visit, visitor = scene.expect()
    opens_pass(page, scene.link(visitor))
    before = scene.bound(visitor)
    with scene.site.office.begin(Principal.system()) as work:
        change = visits.VisitChange(ends_at=visit.ends_at + timedelta(hours=1))
        visits.change(work, visit.id, change)
    after = scene.bound(visitor)
    assert after.generation > before.generation
    assert after.holder == before.holder
    asks_again(page)
    ends = (visit.ends_at + timedelta(hours=1)).astimezone(ZoneInfo("Asia/Tokyo"))
    hours = page.locator("[data-fact=hours]")
    expect(hours).to_contain_text(f"{ends:%H:%M}", timeout=SOON)
    gate.holds(after)
    text = presented(page, gate, "short")
    decision = gate.decides(text)
    assert decision is not None
    assert decision.granted


# ---- Where no key can be kept ----------------------------------------------------------------------------------


def test_a_browser_that_refuses_to_keep_the_key_says_so_and_gets_a_refreshed_code(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    page.add_init_script(NO_STORE)
    opens_pass(page, scene.link(visitor), "refreshed")
    expect(page.get_by_text("This browser keeps no key")).to_be_visible()
    expect(page.get_by_text("without encryption")).to_be_hidden()
    (text,) = gate.reads(screen(page))
    decision = gate.decides(text)
    assert decision is not None
    assert decision.granted
    assert decision.credential_class is CredentialClass.REFRESHED


def test_without_key_and_network_the_mailed_code_is_left_and_the_page_says_where_it_counts(
    scene: PassSite, page: Page, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    page.add_init_script(NO_STORE)
    page.clock.install()
    opens_pass(page, scene.link(visitor), "refreshed")
    page.context.set_offline(True)
    page.clock.fast_forward("01:10")
    shows(page, "static")
    expect(page.get_by_text("counts once at each door")).to_contain_text("Meeting rooms")
    (text,) = gate.reads(screen(page))
    decision = gate.decides(text)
    assert decision is not None
    assert decision.granted
    assert decision.credential_class is CredentialClass.STATIC


def test_on_an_insecure_origin_the_pass_is_refreshed_and_says_why(
    chromium: Browser, tmp_path: Path, process: DecodingProcess
) -> None:
    # A context of its own: the browser's console complains of what it ignores on such an origin.
    with serving(tmp_path, own_address()) as scene, chromium.new_context(locale="en") as context:
        page = context.new_page()
        _, visitor = scene.expect()
        opens_pass(page, scene.link(visitor), "refreshed")
        assert page.evaluate("window.isSecureContext") is False
        expect(page.get_by_text("came over a connection without encryption")).to_be_visible()
        gate = PassGate(process, scene)
        decision = gate.decides(*gate.reads(screen(page)))
        assert decision is not None
        assert decision.credential_class is CredentialClass.REFRESHED
        assert decision.granted
