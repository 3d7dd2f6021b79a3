"""A site's policy: who may pass where with what, how often, and how long gates trust what they know."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.credential import PASSES, CredentialClass
from access_protocol.ids import AccessPointId, Direction, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback
from server.credentials import actions as credentials
from server.credentials import models as credential_models
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint, poster_policy
from server.places import actions, models
from server.places.actions import AccessPointInput, SiteInput, ZoneInput
from server.places.models import AccessPoint, Site, Zone
from server.web.formats import local
from server.web.forms import Form
from server.web.languages import gettext

Input = TypeVar("Input", bound=BaseModel)


class ZoneLine(NamedTuple):
    """A zone and what is said about it."""

    name: str
    printed: str
    anti_passback: str
    edit_url: str


class PointLine(NamedTuple):
    """An access point and what passes there."""

    name: str
    classes: str
    edit_url: str


class KeyLine(NamedTuple):
    """An issuer's key."""

    name: str
    until: str


class SiteCard(NamedTuple):
    """A site with all of its policy."""

    name: str
    staleness: str
    edit_url: str
    welcome_url: str
    fence_url: str
    messengers_url: str
    zones: Sequence[ZoneLine]
    points: Sequence[PointLine]
    keys: Sequence[KeyLine]
    rotate_url: str


@blueprint.get("/policy")
def policy() -> str:
    """Show the policy of every site."""
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE)
        sites = [_site(work, each) for each in models.all_sites(work.session)]
        return render_template("panel/policy.html", sites=sites)


@blueprint.route("/policy/<site>", methods=["GET", "POST"])
def policy_site(site: str) -> AnyResponse:
    """Change how long gates trust what they know, and where printed passes count."""
    code = SiteCode(site)

    def store(work: Work, form: Form) -> None:
        row = actions.find_site(work, code)
        wanted = _input(
            SiteInput,
            row,
            static_staleness_h=form.value("static_staleness_h"),
            staleness_h=form.value("staleness_h"),
            static_zones=form.every("static_zones"),
            staff_zones=form.every("staff_zones"),
        )
        actions.change_site(work, code, wanted)

    def show(work: Work, form: Form, *, fresh: bool) -> str:
        row = actions.find_site(work, code)
        if fresh:
            form.values = {
                "static_staleness_h": str(row.static_staleness_h),
                "staleness_h": str(row.staleness_h),
            }
        chosen = [str(zone) for zone in row.static_zones] if fresh else form.every("static_zones")
        staff = [str(zone) for zone in row.staff_zones] if fresh else form.every("staff_zones")
        names = Names(work)
        return render_template(
            "panel/policy_site.html",
            staff_chosen=staff,
            form=form,
            name=names.site(code),
            zones=[(zone.number, names.zone(code, zone.number)) for zone in _zones(work, code)],
            chosen=chosen,
        )

    return _edit(code, store, show, ("static_zones", "staff_zones"))


@blueprint.route("/policy/<site>/zones/<int:number>", methods=["GET", "POST"])
def policy_zone(site: str, number: int) -> AnyResponse:
    """Change a zone's anti-passback."""
    code, zone = SiteCode(site), ZoneNumber(number)

    def store(work: Work, form: Form) -> None:
        wanted = _input(
            ZoneInput,
            _found(work.session.get(Zone, (code, zone))),
            anti_passback=form.value("anti_passback"),
            forgiven_after_min=form.value("forgiven_after_min") or None,
        )
        actions.put_zone(work, code, zone, wanted)

    def show(work: Work, form: Form, *, fresh: bool) -> str:
        row = _found(work.session.get(Zone, (code, zone)))
        if fresh:
            minutes = row.forgiven_after_min
            form.values = {
                "anti_passback": str(row.anti_passback),
                "forgiven_after_min": "" if minutes is None else str(minutes),
            }
        modes = [(str(each), _mode(each)) for each in AntiPassback]
        name = Names(work).zone(code, zone)
        return render_template("panel/policy_zone.html", form=form, name=name, modes=modes)

    return _edit(code, store, show)


@blueprint.route("/policy/<site>/access-points/<point>", methods=["GET", "POST"])
def policy_access_point(site: str, point: str) -> AnyResponse:
    """Change which classes of credentials pass at an access point."""
    code, point_id = SiteCode(site), AccessPointId(point)

    def store(work: Work, form: Form) -> None:
        row = _found(work.session.get(AccessPoint, (code, point_id)))
        wanted = _input(
            AccessPointInput,
            row,
            classes=form.every("classes"),
            presence_ways=poster_policy.read(form.every("presence_ways")),
        )
        actions.put_access_point(work, code, point_id, wanted)

    def show(work: Work, form: Form, *, fresh: bool) -> str:
        row = _found(work.session.get(AccessPoint, (code, point_id)))
        return render_template(
            "panel/policy_access_point.html",
            form=form,
            name=_point_name(Names(work), row),
            classes=[(str(each), _class(each)) for each in _offered(row)],
            chosen=[str(each) for each in row.classes] if fresh else form.every("classes"),
            printed=row.zone in _found(work.session.get(Site, code)).static_zones,
            ways=poster_policy.boxes(row.ways),
            chosen_ways=poster_policy.checked(row.ways) if fresh else form.every("presence_ways"),
        )

    return _edit(code, store, show, ("classes", "presence_ways"))


@blueprint.route("/policy/<site>/rotate-key", methods=["GET", "POST"])
def rotate_issuer_key(site: str) -> AnyResponse:
    """Ask first, and let a new key sign the site's credentials."""
    code = SiteCode(site)
    if request.method == "POST":
        with begin() as work:
            credentials.rotate_key(work, code)
        flash(gettext("A new key signs from now on. Passes that are out stay valid."), "good")
        return redirect(url_for("panel.policy"), 303)
    with reading() as work:
        require(work.principal, Right.KEYS_MANAGE, code)
        text = render_template(
            "panel/confirm.html",
            question=gettext(
                "Let a new key sign the passes of %(site)s?", site=Names(work).site(code)
            ),
            consequence=gettext(
                "The gates learn it at once. The old key counts until the last pass that it signed expires."
            ),
            yes=gettext("Change the key"),
            symbol="key",
            no=gettext("Back"),
            back=url_for("panel.policy"),
        )
    return Response(text, mimetype="text/html")


def _edit(
    site: SiteCode,
    store: Callable[[Work, Form], None],
    show: Callable[..., str],
    known: Sequence[str] = (),
) -> AnyResponse:
    form = Form.sent()
    if request.method == "POST":
        try:
            with begin() as work:
                store(work, form)
        except ValidationError as error:
            form.take_validation(error, known)
        except GenkanError as error:
            form.take(error, (*form.values, *known))
        else:
            flash(gettext("Saved. The gates know it already."), "good")
            return redirect(url_for("panel.policy"), 303)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, site)
        text = show(work, form, fresh=request.method == "GET")
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def _input(form: type[Input], row: Any, **changed: object) -> Input:  # noqa: ANN401  a row of a place
    """Return a place as it is but for what was changed: actions replace everything about it."""
    present = {name: getattr(row, name) for name in form.model_fields}
    return form.model_validate(present | changed)


def _site(work: Work, site: Site) -> SiteCard:
    names = Names(work)
    may_rotate = work.principal.may(Right.KEYS_MANAGE, site.code)
    return SiteCard(
        name=names.site(site.code),
        staleness=gettext(
            "Without contact a gate admits printed passes for %(static)d hours and any visitor for %(all)d.",
            static=site.static_staleness_h,
            all=site.staleness_h,
        ),
        fence_url=url_for("panel.fence", site=site.code),
        messengers_url=url_for("panel.messengers", site=site.code),
        edit_url=url_for("panel.policy_site", site=site.code),
        welcome_url=url_for("panel.welcome", site=site.code),
        zones=[_zone(names, site, zone) for zone in _zones(work, site.code)],
        points=[
            _point(names, site, point)
            for point in models.access_points_of_site(work.session, site.code)
        ],
        keys=[
            KeyLine(f"{key.number} · {key.public.hex()[:8]}", _until(key))
            for key in credential_models.issuer_keys(work.session, site.code)
            if key.not_after > work.now
        ],
        rotate_url=url_for("panel.rotate_issuer_key", site=site.code) if may_rotate else "",
    )


def _until(key: credential_models.IssuerKey) -> str:
    if key.retired_at is None:
        return gettext("Signs now")
    return gettext("Counts until %(time)s", time=local(key.not_after, "both"))


def _zone(names: Names, site: Site, zone: Zone) -> ZoneLine:
    printed = zone.number in site.static_zones
    mode = _mode(zone.anti_passback)
    if zone.anti_passback is not AntiPassback.OFF and zone.forgiven_after_min is not None:
        after = gettext("forgiven after %(num)d minutes", num=zone.forgiven_after_min)
        mode = f"{mode}, {after}"
    return ZoneLine(
        name=names.zone(site.code, zone.number),
        printed=gettext("Yes") if printed else gettext("No"),
        anti_passback=mode,
        edit_url=url_for("panel.policy_zone", site=site.code, number=zone.number),
    )


def _point(names: Names, site: Site, point: AccessPoint) -> PointLine:
    return PointLine(
        name=_point_name(names, point),
        classes=", ".join(_class(each) for each in CredentialClass if each in point.admitted(site)),
        edit_url=url_for("panel.policy_access_point", site=site.code, point=point.id),
    )


def _point_name(names: Names, point: AccessPoint) -> str:
    way = names.access_point(point.site, point.id)
    return gettext("%(door)s (way out)", door=way) if point.direction is Direction.OUT else way


def _mode(mode: AntiPassback) -> str:
    words = {
        AntiPassback.OFF: gettext("Off"),
        AntiPassback.SOFT: gettext("Soft: a second entry is let in and noted"),
        AntiPassback.HARD: gettext("Hard: a second entry is refused"),
    }
    return words[mode]


def _offered(point: AccessPoint) -> Sequence[CredentialClass]:
    """Return what can be chosen: a machine takes vouchers and nothing else, a door every pass."""
    return (CredentialClass.VOUCHER,) if point.gives_out else PASSES


def _class(kind: CredentialClass) -> str:
    words = {
        CredentialClass.STATIC: gettext("Printed or mailed"),
        CredentialClass.BOUND: gettext("Bound to a phone"),
        CredentialClass.REFRESHED: gettext("Refreshed on a page"),
        CredentialClass.VOUCHER: gettext("Vouchers for drinks"),
    }
    return words[kind]


def _zones(work: Work, site: SiteCode) -> Sequence[Zone]:
    return models.all_zones(work.session, site)


Row = TypeVar("Row", Site, Zone, AccessPoint)


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFound("There is no such place.")
    return row
