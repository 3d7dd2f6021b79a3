"""What a site tells all of its visitors: the way there, what to bring; and how many people they may bring."""

from access_protocol.ids import SiteCode
from server.kernel.errors import NotFound
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places.models import Site
from server.visits import models
from server.visits.events import WelcomeChanged
from server.visits.models import Welcome
from server.visits.rules import WelcomeInput


def welcome(work: Work, site: SiteCode) -> Welcome:
    """Return what a site tells its visitors, for whoever may see places."""
    require(work.principal, Right.PLACES_READ, site)
    _check_known(work, site)
    return models.welcome_of(work.session, site)


def change_welcome(work: Work, site: SiteCode, wanted: WelcomeInput) -> Welcome:
    """Replace what a site tells its visitors."""
    require(work.principal, Right.PLACES_MANAGE, site)
    _check_known(work, site)
    found = models.welcome_of(work.session, site)
    found.directions = {str(key): value for key, value in wanted.directions.items() if value}
    found.bring = {str(key): value for key, value in wanted.bring.items() if value}
    found.most_companions = wanted.most_companions
    found.companions_need_host = wanted.companions_need_host
    work.session.add(found)
    work.session.flush()
    work.record(WelcomeChanged(site=site))
    return found


def _check_known(work: Work, site: SiteCode) -> None:
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
