"""A visitor's event stream over real connections: who gets it, what comes along it, and when it ends."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from pydantic import AnyHttpUrl, SecretStr
from sqlmodel import select

from access_protocol import topics
from access_protocol.codec import encode
from access_protocol.events import LiveNotice
from access_protocol.ids import SiteCode
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from demo.ports import free_port
from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.people import actions as people
from server.processes.live import create_live
from server.visits import actions as visits
from server.web import phone
from server.web.session import COOKIE
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite

DEADLINE = 120.0
SECRET = "A" * 43
OTHER = "B" * 43
PAGE = "https://genkan.example"


class Scene:
    """The live process, its broker, and two visitors whose links are open on phones."""

    def __init__(self, folder: Path, factor: float) -> None:
        settings = Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue]
            demo=True,
            data_folder=folder,
            base_url=AnyHttpUrl(PAGE),
            limits_factor=factor,
        )
        self.clock = FixedClock(NOON)
        self.office = create_office(settings, self.clock)
        self.site = PanelSite(self.office, self.clock)
        _, (self.anna, self.ken) = self.site.invite(("Anna", ""), ("Ken", ""))
        self.links = {
            each.id: self.site.link(each).removeprefix("/v/") for each in (self.anna, self.ken)
        }
        with self.office.begin(Principal.anonymous()) as work:
            visits.bind_phone(work, self.links[self.anna.id], SECRET, "a phone")
            visits.bind_phone(work, self.links[self.ken.id], OTHER, "another phone")
        self.broker = MemoryBroker()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/live/visitor/{self.links[self.anna.id]}"

    def tell(self, what: str, about: str = "") -> None:
        """Publish a notice as the worker does."""
        topic = topics.build(SiteCode("TYO"), Kind.SERVER, SERVER, Subject.LIVE)
        self.broker.publish(topic, encode(LiveNotice(what=what, about=about)), retain=False)


@asynccontextmanager
async def serving(
    folder: Path, *, checked_every: float = 30.0, factor: float = 1.0
) -> AsyncGenerator[tuple[Scene, httpx.AsyncClient]]:
    scene = Scene(folder, factor)
    live = create_live(scene.office, MemoryTransport(scene.broker), checked_every)
    server = Server(
        live,
        address="127.0.0.1",
        port=scene.port,
        interface=Interfaces.ASGI,
        log_level=LogLevels.error,
    )
    running = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(timeout=DEADLINE) as http:
        async with asyncio.timeout(DEADLINE):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await http.get(f"http://127.0.0.1:{scene.port}/health")
                    break
                await asyncio.sleep(0)
        yield scene, http
    server.stop()
    await running


@asynccontextmanager
async def stream(
    scene: Scene, http: httpx.AsyncClient, secret: str = SECRET
) -> AsyncGenerator[AsyncIterator[tuple[str, str]]]:
    cookies = {"Cookie": f"{phone.COOKIE}={secret}", "Origin": PAGE}
    async with http.stream("GET", scene.url, headers=cookies) as answer:
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:") and name != "heartbeat":
            yield name, line.removeprefix("data:").strip()


def test_a_visitor_hears_what_is_about_them_and_nothing_of_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (scene, http), stream(scene, http) as events:
            assert await anext(events) == ("connected", "")
            scene.tell("visits", "all")
            scene.tell("doors", "main-gate")
            scene.tell("visitor", scene.ken.id)
            scene.tell("visitor", scene.anna.id)
            assert await anext(events) == ("visitor", scene.anna.id)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "secret", ["", OTHER, "C" * 43, "not a secret of ours", "\u00e9".encode().decode("latin-1")]
)
def test_a_phone_that_does_not_keep_the_link_gets_no_stream(tmp_path: Path, secret: str) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (scene, http):
            cookie = f"{phone.COOKIE}={secret}".encode("latin-1")
            answer = await http.get(scene.url, headers={b"Cookie": cookie})
            assert answer.status_code == 403
            assert "Anna" not in answer.text

    asyncio.run(scenario())


def test_a_link_that_nobody_was_given_gets_the_answer_of_another_phone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (scene, http):
            cookie = {"Cookie": f"{phone.COOKIE}={SECRET}"}
            unknown = await http.get(f"{scene.url[:-3]}xyz", headers=cookie)
            other = await http.get(scene.url, headers={"Cookie": f"{phone.COOKIE}={OTHER}"})
            assert (unknown.status_code, unknown.text) == (other.status_code, other.text)

    asyncio.run(scenario())


@pytest.mark.parametrize("told", [True, False], ids=["a notice", "time"])
def test_a_stream_ends_when_the_link_is_replaced(tmp_path: Path, *, told: bool) -> None:
    async def scenario() -> None:
        every = 30.0 if told else 0.05
        async with (
            serving(tmp_path, checked_every=every) as (scene, http),
            stream(scene, http) as events,
        ):
            assert await anext(events) == ("connected", "")
            with scene.office.begin(Principal.system()) as work:
                visits.replace_link(work, scene.anna.visit, scene.anna.id)
            if told:
                scene.tell("visitor", scene.anna.id)
            assert [each async for each in events] == [("refresh", "")]

    asyncio.run(scenario())


def test_who_opens_one_stream_after_another_has_to_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, factor=0.01) as (scene, http):
            answers = [(await http.get(scene.url)).status_code for _ in range(2)]
            assert answers == [403, 429]
            assert (await http.get(scene.url)).headers["Retry-After"]

    asyncio.run(scenario())


@asynccontextmanager
async def staff_stream(
    scene: Scene, http: httpx.AsyncClient, opened: people.OpenSession
) -> AsyncGenerator[AsyncIterator[tuple[str, str]]]:
    url = f"http://127.0.0.1:{scene.port}/live"
    cookie = {"Cookie": f"{COOKIE}={opened.secret}"}
    async with http.stream("GET", url, headers=cookie) as answer:
        assert answer.status_code == 200
        events = _events(answer)
        assert await anext(events) == ("connected", "")
        yield events


def test_a_page_of_the_staff_hears_nothing_of_visitors_own_pages_nor_of_others_sessions(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (scene, http):
            # Passwords are compared slowly on purpose.
            opened = people.sign_in(scene.office, "security@genkan.example", PASSWORD)
            async with staff_stream(scene, http, opened) as events:
                scene.tell("visitor", scene.anna.id)
                scene.tell("sessions", "somebody else")
                scene.tell("doors", "main-gate")
                assert await anext(events) == ("doors", "main-gate")

    asyncio.run(scenario())


def _sign_out(scene: Scene, opened: people.OpenSession) -> None:
    with scene.office.begin(Principal.for_person(opened.person.id, frozenset())) as work:
        people.sign_out(work, opened.session.id)


def _close_account(scene: Scene, opened: people.OpenSession) -> None:
    with scene.office.begin(Principal.system()) as work:
        people.deactivate(work, opened.person.id)


def _new_password(scene: Scene, opened: people.OpenSession) -> None:
    with scene.office.begin(Principal.system()) as work:
        change = people.PersonChange(password=SecretStr("another hall where guests are received"))
        people.change_person(work, opened.person.id, change)


def _sessions_told_of(scene: Scene) -> list[str]:
    with scene.office.reading(Principal.system()) as work:
        told = select(OutboxRow).where(OutboxRow.reference == "sessions")
        return [row.payload["about"] for row in work.session.exec(told).all()]


@pytest.mark.parametrize("end", [_sign_out, _close_account, _new_password])
def test_a_stream_of_the_staff_ends_with_the_session_and_the_other_one_goes_on(
    tmp_path: Path, end: Callable[[Scene, people.OpenSession], None]
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (scene, http):
            opened = people.sign_in(scene.office, "security@genkan.example", PASSWORD)
            other = people.sign_in(scene.office, "admin@genkan.example", PASSWORD)
            async with (
                staff_stream(scene, http, opened) as events,
                staff_stream(scene, http, other) as others,
            ):
                end(scene, opened)
                assert _sessions_told_of(scene) == [opened.person.id]
                scene.tell("sessions", opened.person.id)
                assert [each async for each in events] == [("refresh", "")]
                scene.tell("doors", "main-gate")
                assert await anext(others) == ("doors", "main-gate")

    asyncio.run(scenario())


def test_a_stream_of_the_staff_ends_when_the_session_has_run_out_while_notices_keep_coming(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, checked_every=0.05) as (scene, http):
            opened = people.sign_in(scene.office, "security@genkan.example", PASSWORD)
            async with staff_stream(scene, http, opened) as events:
                scene.clock.set(scene.clock.now() + scene.office.settings.session_longest)
                scene.tell("doors", "main-gate")
                heard = [each async for each in events]
                assert heard[-1] == ("refresh", "")

    asyncio.run(scenario())


def test_one_session_of_a_person_ends_and_their_other_one_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as (scene, http):
            phone_, desk = (
                people.sign_in(scene.office, "security@genkan.example", PASSWORD) for _ in range(2)
            )
            async with staff_stream(scene, http, desk) as events:
                _sign_out(scene, phone_)
                scene.tell("sessions", desk.person.id)
                scene.tell("doors", "main-gate")
                heard = [await anext(events), await anext(events)]
                assert heard == [("sessions", desk.person.id), ("doors", "main-gate")]

    asyncio.run(scenario())
