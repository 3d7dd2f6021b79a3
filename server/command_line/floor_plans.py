"""The commands about floor plans: bring them in, and see what is placed on them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from server.command_line.terminal import checked, fail, screen, with_office

if TYPE_CHECKING:
    from server.kernel.work import Office
    from server.wayfinding.imdf import NotAPlan

_HELP = (
    "Floor plans, from which visitors are shown the way. They are read in the Indoor Mapping Data Format "
    "(IMDF 1.0.0, OGC 20-094): a folder or zip archive with level.geojson, unit.geojson, opening.geojson and, if "
    "there are any, fixture.geojson, amenity.geojson and relationship.geojson. Two properties of ours tie it to "
    "the site: genkan_portal on an opening (or on a fixture, for a machine) names a portal, genkan_room on a unit "
    "a room by its name or id. Begin with: python -m server floor-plan import TYO building.zip --dry-run"
)
_Site = Annotated[str, typer.Argument(help="Code of the site, for example TYO.")]

app = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)


@app.command("import")
def bring_in(
    site: _Site,
    source: Annotated[
        Path | None,
        typer.Argument(
            help="Folder or zip archive with IMDF's files; none with --sample.", exists=True
        ),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="Bring the sample office of three floors in.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say whether it could be brought in.")
    ] = False,
) -> None:
    """Bring a site's floor plans in, in place of those before; mistakes are told by file, feature and field."""
    from server.wayfinding.imdf_archive import SAMPLE

    if sample == (source is not None):
        fail("Give either a folder or zip archive, or --sample.")
    _bring_in(site, SAMPLE if sample else source or SAMPLE, dry_run=dry_run)
    if not dry_run:
        _show(site)


@app.command("show")
def show(site: _Site) -> None:
    """Show which of a site's portals and rooms are on its floor plans, and which are missing."""
    _show(site)


def _bring_in(site: str, source: Path, *, dry_run: bool) -> None:
    from access_protocol.ids import SiteCode
    from server.kernel.principal import Principal
    from server.wayfinding import actions, imdf, imdf_archive

    def bring(office: "Office") -> None:
        try:
            with screen.status("Reading the plan…"):
                files = imdf_archive.read_archive(source)
                plan = actions.check_plan(files)
        except imdf.NotAPlan as error:
            fail("The plan was not brought in:\n" + "\n".join(_told(error)))
        if not dry_run:
            with office.begin(Principal.system("floor-plan")) as work:
                actions.import_plan(work, SiteCode(site), plan)
        done = "could be brought in" if dry_run else "is brought in"
        building = plan.building
        units, openings = len(building.units), len(building.openings)
        said = f"{len(building.levels)} floors, {units} units, {openings} openings"
        screen.print(f"The plan {done}: {said}.", highlight=False)

    with_office(checked(), bring)


def _told(error: "NotAPlan") -> list[str]:
    wheres = [", ".join(part for part in each[:3] if part) for each in error.mistakes]
    return [f"  {where}: {each.why}" for where, each in zip(wheres, error.mistakes, strict=True)]


def _show(site: str) -> None:
    from access_protocol.ids import SiteCode
    from server.kernel.principal import Principal
    from server.wayfinding import actions

    def show(office: "Office") -> Table | None:
        with office.reading(Principal.system("floor-plan")) as work:
            if actions.building_of(work.session, SiteCode(site)) is None:
                return None
            placing = actions.placing(work, SiteCode(site))
            table = Table("portal or room", "name", "floor")
            for each in (*placing.portals, *placing.rooms):
                floor = each.level.name.of("en") if each.level else "missing on the plan"
                table.add_row(each.id, each.name.name, floor)
            for name in placing.unknown:
                table.add_row(name, "not at this site", "on the plan")
            return table

    found = with_office(checked(), show)
    if found is None:
        fail(
            f"{site} has no floor plan. Bring one in: python -m server floor-plan import {site} FILE"
        )
    screen.print(found)
