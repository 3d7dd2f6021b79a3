"""Reception's inbox: every conversation over all channels, who has it, ready answers, and honest hours."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from access_protocol.wording import Language
from server.app import create_office
from server.conversations import actions, models
from server.conversations.actions import Author, Channel, HoursInput, State
from server.conversations.inbox_models import OfficeHours
from server.conversations.models import Conversation, Message
from server.conversations.office_hours import closed_words, is_open, next_open
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.pages.panel.inbox import A_PAGE
from server.visits.models import Visitor
from tests.fakes.application import application
from tests.fakes.panel_site import NOON, PASSWORD, SITE, PanelSite

WORKDAYS = {day: (time(9), time(18)) for day in range(5)}
ZONE = "Asia/Tokyo"


class Scene:
    """A site, a visitor who writes, and the browser of reception."""

    def __init__(self, site: PanelSite, browser: FlaskClient) -> None:
        self.site, self.browser = site, browser
        self.visit, (self.anna,) = site.invite(("Anna Keller", "Nordwind"))

    def writes(
        self, text: str, channel: Channel = Channel.PAGE, who: Visitor | None = None
    ) -> Conversation:
        with self.site.office.begin(Principal.system()) as work:
            visitor = who or self.anna
            found = actions.open_for_visitor(work, visitor.id, Language.EN)
            if found.state is State.BOT:
                actions.ask_person(work, found.id)
                actions.hand_over(work, found.id, State.RECEPTION)
            actions.say(work, found.id, text, author=Author.VISITOR, channel=channel)
            return found

    def now(self) -> Conversation:
        with self.site.office.reading(Principal.system()) as work:
            found = models.of_visitor(work.session, self.anna.id)
            assert found is not None
            return found

    def said(self) -> list[Message]:
        with self.site.office.reading(Principal.system()) as work:
            return models.messages(work.session, self.now().id, 100)

    def sign_in(self, who: str) -> None:
        self.post("/panel/sign-in", email=f"{who}@genkan.example", password=PASSWORD, next="/panel")

    def settings(self) -> str:
        return self.browser.get("/panel/inbox/settings").text

    def post(self, path: str, form_at: str = "", **values: str) -> TestResponse:
        page = self.browser.get(form_at or path).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        key = re.search(r'name="key" value="([^"]+)"', page)
        sent = {"csrf_token": found[1] if found else "", "key": key[1] if key else ""}
        return self.browser.post(path, data={**sent, **values})


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    office = create_office(settings, FixedClock(NOON))
    clock = office.clock
    assert isinstance(clock, FixedClock)
    yield Scene(PanelSite(office, clock), application(office).test_client())
    office.close()


def test_hosts_see_nothing_of_the_inbox(scene: Scene) -> None:
    scene.sign_in("host")
    assert scene.browser.get("/panel/inbox").status_code == 403
    assert "/panel/inbox" not in scene.browser.get("/panel/visits").text


def test_who_waits_stands_in_the_list_with_the_way_they_wrote(scene: Scene) -> None:
    scene.writes("Is there parking?", Channel.LINE)
    scene.sign_in("security")
    page = scene.browser.get("/panel/inbox").text
    for words in ("Anna Keller", "Is there parking?", "LINE", "Nobody has taken it", "1 new"):
        assert words in page


def test_what_is_answered_waits_no_more_and_is_signed_by_reception(scene: Scene) -> None:
    found = scene.writes("Is there parking?")
    scene.sign_in("security")
    url = f"/panel/inbox/{found.id}"
    assert scene.post(url, text="Yes, behind the house.").status_code == 303
    answer = scene.said()[-1]
    assert (answer.author, answer.text) == (Author.RECEPTION, "Yes, behind the house.")
    assert "Anna Keller" not in scene.browser.get("/panel/inbox").text
    assert "Anna Keller" in scene.browser.get("/panel/inbox?show=mine").text


def test_opening_a_conversation_reads_it(scene: Scene) -> None:
    found = scene.writes("Hello")
    scene.sign_in("security")
    scene.browser.get(f"/panel/inbox/{found.id}")
    now = scene.now()
    assert now.reception_read == now.last_number
    assert "1 new" not in scene.browser.get("/panel/inbox").text


def test_one_takes_a_conversation_passes_it_gives_it_back_and_closes_it(scene: Scene) -> None:
    found = scene.writes("Hello")
    scene.sign_in("security")
    url = f"/panel/inbox/{found.id}"
    states: list[State] = []
    for to in ("me", "host", "me", "bot", "closed"):
        scene.post(f"{url}/turn", url, to=to)
        states.append(scene.now().state)
    assert states == [State.RECEPTION, State.HOST, State.RECEPTION, State.BOT, State.CLOSED]
    assert "Anna Keller" in scene.browser.get("/panel/inbox?show=closed").text


def test_words_and_names_are_found_and_wildcards_are_letters(scene: Scene) -> None:
    scene.writes("Where do I park my unicycle?")
    scene.sign_in("security")
    for words, there in (("unicycle", True), ("nordwind", True), ("bicycle", False), ("%", False)):
        page = scene.browser.get("/panel/inbox", query_string={"show": "open", "search": words})
        assert ("Anna Keller" in page.text) is there


def test_a_ready_answer_goes_out_in_the_visitors_language_with_its_places_filled(
    scene: Scene,
) -> None:
    found = scene.writes("Hello")
    scene.sign_in("security")
    settings = "/panel/inbox/settings"
    texts = {
        "text.en": "Dear {name}, {host} expects you in {room} at {time}.",
        "text.ja": "{name}様",
    }
    done = scene.post(f"{settings}/{SITE}/canned", settings, name="Welcome", **texts)
    assert done.status_code == 303
    page = scene.browser.get(f"/panel/inbox/{found.id}").text
    assert "Dear Anna Keller, Sato Misaki expects you in Sakura at 14:14." in page


def test_a_place_that_nobody_can_fill_is_refused_beside_its_field(scene: Scene) -> None:
    scene.sign_in("security")
    settings = "/panel/inbox/settings"
    refused = scene.post(
        f"{settings}/{SITE}/canned", settings, name="Bad", **{"text.en": "Dear {password}"}
    )
    assert refused.status_code == 422
    assert "{password}" in refused.text
    assert "Dear {password}" in refused.text


def closed_on(scene: Scene, now: datetime) -> None:
    with scene.site.office.begin(Principal.system()) as work:
        actions.set_hours(work, SITE, HoursInput(days=WORKDAYS, country="JP"))
    scene.site.clock.set(now)


def test_who_writes_outside_the_hours_is_told_when_somebody_is_back(scene: Scene) -> None:
    # Friday evening; the Monday after it is no holiday.
    closed_on(scene, datetime(2026, 4, 3, 12, 0, tzinfo=UTC))
    scene.writes("Is there parking?")
    scene.writes("Hello?")
    told = [each.text for each in scene.said() if each.key and each.key.startswith("closed")]
    assert told == [
        "Reception is closed now. Somebody is back on Monday, 6 April at 09:00 and will answer you here."
    ]


def test_within_the_hours_nothing_of_it_is_said(scene: Scene) -> None:
    closed_on(scene, NOON)
    scene.writes("Is there parking?")
    assert not [each for each in scene.said() if each.key]


def hours(country: str = "", closed: list[date] | None = None) -> OfficeHours:
    return OfficeHours(
        site=SITE,
        days={str(day): ["09:00", "18:00"] for day in WORKDAYS},
        country=country,
        closed=[each.isoformat() for each in closed or []],
        changed_at=NOON,
    )


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ("2026-04-01T08:59", "closed"),
        ("2026-04-01T09:00", "open"),
        ("2026-04-01T17:59", "open"),
        ("2026-04-01T18:00", "closed"),
        ("2026-04-04T12:00", "closed"),
        ("2026-05-05T12:00", "closed"),
        ("2026-04-02T12:00", "closed"),
    ],
)
def test_holidays_weekends_and_days_off_are_closed(there: str, expected: str) -> None:
    moment = datetime.fromisoformat(f"{there}:00+09:00")
    found = is_open(hours("JP", [date(2026, 4, 2)]), ZONE, moment)
    assert ("open" if found else "closed") == expected


def test_the_next_opening_skips_the_golden_week() -> None:
    friday_evening = datetime.fromisoformat("2026-05-01T19:00:00+09:00")
    opens = next_open(hours("JP"), ZONE, friday_evening)
    assert opens is not None
    assert opens.isoformat() == "2026-05-07T09:00:00+09:00"


def test_who_is_never_there_promises_nothing() -> None:
    never = OfficeHours(site=SITE, days={}, changed_at=NOON)
    assert next_open(never, ZONE, NOON) is None
    assert "kept" in closed_words(Language.EN, None)


@given(st.integers(0, 60 * 24 * 400))
def test_somebody_is_there_exactly_when_the_next_opening_comes(minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    opens = next_open(hours("JP"), ZONE, now)
    assert opens is not None
    assert opens > now
    assert is_open(hours("JP"), ZONE, opens)
    assert not is_open(hours("JP"), ZONE, opens - timedelta(minutes=1))


@pytest.mark.parametrize("language", list(Language))
def test_the_words_say_when_in_every_language(language: Language) -> None:
    said = closed_words(language, datetime.fromisoformat("2026-04-06T09:00:00+09:00"))
    assert "09:00" in said
    assert "6" in said


def test_hours_that_end_before_they_begin_are_refused_and_kept_as_typed(scene: Scene) -> None:
    scene.sign_in("admin")
    settings = "/panel/inbox/settings"
    typed = {"open-0": "yes", "begins-0": "18:00", "ends-0": "09:00", "closed": "soon"}
    refused = scene.post(f"{settings}/{SITE}/hours", settings, **typed)
    assert refused.status_code == 422
    assert "The end must be after the beginning." in refused.text
    assert "“soon” is no date" in refused.text
    assert scene.post(f"{settings}/{SITE}/hours", settings, always="yes").status_code == 303


def test_how_long_a_host_has_is_set_for_the_site_and_counts_from_the_next_word(
    scene: Scene,
) -> None:
    scene.sign_in("admin")
    assert 'name="host_reacts_within_min" type="number" value="3"' in scene.settings()
    path = f"/panel/inbox/settings/{SITE}/patience"
    wrong = scene.post(path, "/panel/inbox/settings", host_reacts_within_min="0")
    assert wrong.status_code == 422
    assert "Please give whole minutes from 1 to 120." in wrong.text
    assert scene.post(path, "/panel/inbox/settings", host_reacts_within_min="7").status_code == 303
    with scene.site.office.begin(Principal.system()) as work:
        found = actions.open_for_visitor(work, scene.anna.id, Language.EN)
        actions.ask_person(work, found.id)
    assert scene.now().due_at == NOON + timedelta(minutes=7)


def test_only_whoever_manages_the_site_sets_how_long_a_host_has(scene: Scene) -> None:
    scene.sign_in("security")
    assert "host_reacts_within_min" not in scene.settings()
    path = f"/panel/inbox/settings/{SITE}/patience"
    refused = scene.post(path, "/panel/inbox/settings", host_reacts_within_min="7")
    assert "7" not in scene.settings() or refused.status_code in {403, 422}
    with scene.site.office.reading(Principal.system()) as work:
        assert actions.policy_of(work.session, SITE).host_reacts_within_min == 3


@pytest.mark.parametrize("show", ["waiting", "open"])
def test_every_conversation_is_reached_page_by_page_and_each_once(scene: Scene, show: str) -> None:
    scene.site.clock.advance(timedelta(hours=-2))
    guests = [(f"Guest {number}", "Nordwind") for number in range(A_PAGE + 3)]
    _, visitors = scene.site.invite(*guests)
    for number, visitor in enumerate(visitors):
        if number % 2:
            scene.site.clock.advance(timedelta(seconds=1))
        scene.writes("Hello", who=visitor)
    scene.sign_in("security")
    path, seen = f"/panel/inbox?show={show}&search=Guest", list[str]()
    for _ in range(2):
        page = unescape(scene.browser.get(path).text)
        seen += re.findall(r'class="strong">(Guest \d+)', page)
        follows = re.search(r'href="(/panel/inbox\?[^"]*cursor=[^"]+)"', page)
        path = follows[1] if follows else ""
    assert path == ""
    assert sorted(seen) == sorted(name for name, _ in guests)
    oldest_first = show == "waiting"
    assert (seen[0] == "Guest 0") == oldest_first
