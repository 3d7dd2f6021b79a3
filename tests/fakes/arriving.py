"""A visitor who comes: their phone, the site's fence, their OwnTracks app, and what was noticed of them."""

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from flask import Flask
from sqlmodel import Session, select
from werkzeug.test import TestResponse

from server.arrivals import actions as arrivals
from server.arrivals import models
from server.arrivals.actions import CrossingKind, CrossingNoticed, CrossingSource, FenceInput
from server.arrivals.models import Crossing, Watch
from server.kernel.work import Work
from server.visits.actions import link_of
from server.visits.models import Visit, Visitor
from tests.fakes.reception import SITE, SYSTEM, Reception
from tests.fakes.visitor_phone import VisitorPhone

LATITUDE, LONGITUDE = 35.681236, 139.767125
CENTRE = {"type": "Point", "coordinates": [LONGITUDE, LATITUDE]}
METRE = 1 / 111_195
"""Degrees of latitude."""


def draw_fence(work: Work, near_m: int = 150, approaching_m: int = 1500, **more: int) -> None:
    """Draw two circles around the office."""
    shapes = {
        "near": CENTRE | {"radius_m": near_m},
        "approaching": CENTRE | {"radius_m": approaching_m},
    }
    arrivals.put_fence(work, SITE, FenceInput.model_validate(shapes | more))


@dataclass
class Arriving:
    """One visitor of one visit, an hour before it begins."""

    reception: Reception
    visit: Visit = field(init=False)
    visitor: Visitor = field(init=False)
    told: list[CrossingNoticed] = field(default_factory=list[CrossingNoticed])

    def __post_init__(self) -> None:
        self.reception.office.reactions.on(
            CrossingNoticed, lambda _work, noticed: self.told.append(noticed)
        )
        self.visit = self.reception.invite()
        (self.visitor,) = self.reception.guests_of(self.visit)

    def fence(self, **more: int) -> "Arriving":
        with self.reception.office.begin(SYSTEM) as work:
            draw_fence(work, **more)
        return self

    def passes(self, **time: float) -> None:
        """Let time pass."""
        self.reception.clock.advance(timedelta(**time))

    def notice(
        self,
        kind: CrossingKind,
        source: CrossingSource = CrossingSource.PAGE,
        expected: timedelta | None = None,
    ) -> Crossing | None:
        with self.reception.office.begin(SYSTEM) as work:
            return arrivals.notice_crossing(work, self.visitor.id, kind, source, expected)

    def crossings(self) -> list[str]:
        """What was kept, oldest first."""
        with Session(self.reception.office.engine) as session:
            return [each.kind.value for each in models.crossings_of(session, self.visitor.id)]

    def kinds_told(self) -> list[str]:
        return [each.kind.value for each in self.told]

    def watch(self) -> Watch | None:
        with Session(self.reception.office.engine) as session:
            return session.exec(select(Watch).where(Watch.visitor == self.visitor.id)).first()

    def phone(self, app: Flask) -> VisitorPhone:
        """The visitor's phone with their page open."""
        with self.reception.work() as work:
            path = "/v/" + link_of(work, self.visitor).rpartition("/")[2]
        return VisitorPhone(app, path).open()


class OwnTracksApp:
    """The app as it acts once the configuration link was tapped, over HTTP."""

    def __init__(self, arriving: Arriving, app: Flask) -> None:
        self._arriving = arriving
        self._http = app.test_client()
        with arriving.reception.office.begin(SYSTEM) as work:
            self.setup = arrivals.set_up_tracker(work, arriving.visitor.id)
        self.configuration = configuration_in(self.setup.link)

    def post(self, message: object, **changed: str) -> TestResponse:
        """Send a message as it is."""
        name = changed.get("name", self.configuration["username"])
        password = changed.get("password", self.configuration["password"])
        basic = base64.b64encode(f"{name}:{password}".encode()).decode()
        return self._http.post(
            "/owntracks/" + self.configuration["url"].rpartition("/")[2],
            data=message if isinstance(message, bytes) else json.dumps(message),
            headers={"Authorization": f"Basic {basic}", "Content-Type": "application/json"},
        )

    def sends(self, kind: str, **elements: object) -> TestResponse:
        """Send a message of this moment, with the elements that the app always gives."""
        return self.post({"_type": kind, "tid": "GK", "tst": self.now()} | {"acc": 10} | elements)

    def stands(self, metres_north: float, **elements: object) -> None:
        """Report a location so far from the office."""
        place = {"lat": LATITUDE + metres_north * METRE, "lon": LONGITUDE}
        answer = self.sends("location", **(place | elements))
        assert (answer.status_code, answer.get_json()) == (200, [])

    def crosses(self, event: str, region: str, **elements: object) -> None:
        """Report that the phone's own system saw it enter or leave a region."""
        desc = self.configuration["waypoints"][("near", "approaching").index(region)]["desc"]
        place = {"lat": LATITUDE, "lon": LONGITUDE, "wtst": 1, "t": "c"}
        answer = self.sends("transition", **(place | {"event": event, "desc": desc} | elements))
        assert (answer.status_code, answer.get_json()) == (200, [])

    def now(self) -> int:
        return int(self._arriving.reception.clock.now().timestamp())


def configuration_in(link: str) -> dict[str, Any]:
    """What the app reads from a configuration link."""
    prefix = "owntracks:///config?inline="
    assert link.startswith(prefix)
    return json.loads(base64.b64decode(unquote(link.removeprefix(prefix)), validate=True))
