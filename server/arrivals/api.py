"""Arrivals as JSON: the fences of sites."""

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.ids import SiteCode
from server.arrivals import actions
from server.arrivals.actions import FenceInput
from server.kernel.blueprint import ApiBlueprint
from server.kernel.request import answer, begin, no_content, reading

blueprint = ApiBlueprint("Arrivals", "Coming near, and standing at the entrance.", "/arrivals")


class FencePath(BaseModel):
    """The site that a fence belongs to."""

    site: str = Field(pattern="^[A-Z]{1,3}$")


class FenceOut(BaseModel):
    """A site's fence."""

    model_config = ConfigDict(from_attributes=True)

    site: str
    near: dict[str, Any] = Field(
        description="A GeoJSON polygon, or a point with `radius_m` for a circle; WGS 84."
    )
    approaching: dict[str, Any]
    near_dwell_s: int
    approaching_dwell_s: int
    changed_at: datetime


@blueprint.get("/fences/<site>", {200: FenceOut})
def show_fence(path: FencePath) -> Response:
    """Show a site's fence."""
    with reading() as work:
        return answer(FenceOut.model_validate(actions.find_fence(work, SiteCode(path.site))))


@blueprint.put("/fences/<site>", {200: FenceOut})
def put_fence(path: FencePath, body: FenceInput) -> Response:
    """Draw a site's fence, or draw it anew.

    Both shapes are polygons as in GeoJSON (a feature, or a collection of one, will do), or circles:
    `{"type": "Point", "coordinates": [139.7671, 35.6812], "radius_m": 150}`.
    """
    with begin() as work:
        fence = actions.put_fence(work, SiteCode(path.site), body)
        return answer(FenceOut.model_validate(fence))


@blueprint.delete("/fences/<site>", {204: None})
def remove_fence(path: FencePath) -> Response:
    """Take a site's fence away."""
    with begin() as work:
        actions.remove_fence(work, SiteCode(path.site))
    return no_content()
