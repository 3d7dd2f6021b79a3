"""The demo's floor plans: the sample building of three floors, whose doors are the demo's."""

from access_protocol.ids import SiteCode
from server.kernel.work import Work
from server.wayfinding import actions as plans
from server.wayfinding.imdf_archive import SAMPLE, read_archive


def write(work: Work, site: SiteCode) -> None:
    """Bring the sample building in, where the site has no plan yet."""
    if plans.building_of(work.session, site) is None:
        plans.import_plan(work, site, plans.check_plan(read_archive(SAMPLE)))
