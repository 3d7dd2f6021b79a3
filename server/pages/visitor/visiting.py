"""Who is behind a visitor's request: their visit, at the phone that keeps their link, in their language.

Every view below /v/<token> gets its caller here and nowhere else:

    with visiting(token, writes=True) as now:
        actions.decline(now.work, now.visitor.id)

An unknown link, one that was replaced, or one that another phone keeps raises an error, which `refusals` answers
with a kind page that reveals nothing, or with a problem document where the request is JSON.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from server.kernel.principal import Principal
from server.kernel.request import office
from server.kernel.work import Work
from server.pages import whereabouts
from server.pages.names import Names
from server.pages.whereabouts import Stage
from server.visits import actions
from server.visits.actions import CheckOut, Keeper
from server.visits.models import Visit, Visitor, VisitState
from server.web import languages, phone


@dataclass(frozen=True)
class Visiting:
    """One visitor at work on their own visit."""

    work: Work
    visit: Visit
    visitor: Visitor
    names: Names
    token: str

    @cached_property
    def stage(self) -> Stage:
        """How far the visitor has come, by what was known when this was first asked."""
        found = whereabouts.of_visits(self.work, [self.visit], {self.visit.id: [self.visitor]})
        return found[self.visitor.id].stage

    @cached_property
    def left(self) -> CheckOut | None:
        """How this visitor left, if they had when this was first asked."""
        return actions.check_outs(self.work.session, [self.visitor.id]).get(self.visitor.id)

    @cached_property
    def is_kept(self) -> bool:
        """Whether something of this visitor is kept for the next time."""
        return actions.is_kept(self.work, self.visitor)

    @property
    def counts(self) -> bool:
        """Whether the visit stands, is not over, and this visitor will come."""
        stands = self.visit.state is VisitState.CONFIRMED
        return stands and not self.is_over and not self.has_declined

    @property
    def has_declined(self) -> bool:
        """Whether this visitor said that they will not come."""
        return self.visitor.declined_at is not None

    @property
    def is_over(self) -> bool:
        """Whether its end has passed."""
        return self.work.now >= self.visit.ends_at

    @property
    def is_off(self) -> bool:
        """Whether it will not take place: cancelled, or not approved."""
        return self.visit.state in {VisitState.CANCELLED, VisitState.DECLINED}


@contextmanager
def visiting(token: str, *, writes: bool = False) -> Generator[Visiting]:
    """Begin work for the visitor whose link this phone keeps, or raise what is wrong with link or phone."""
    with _begun(writes=writes) as work:
        visit, visitor = actions.at_phone(work, token, phone.secret())
        yield _become(work, token, visit, visitor)


@contextmanager
def at_any_phone(token: str) -> Generator[tuple[Visiting, Keeper]]:
    """Begin work that only asks, at whatever phone; for the page that comes before the phone is known."""
    with _begun(writes=False) as work:
        visit, visitor, keeper = actions.opened_by(work, token, phone.secret())
        yield _become(work, token, visit, visitor), keeper


def _begun(*, writes: bool):  # noqa: ANN202  a context manager of Work
    nobody = Principal.anonymous()
    return office().begin(nobody) if writes else office().reading(nobody)


def _become(work: Work, token: str, visit: Visit, visitor: Visitor) -> Visiting:
    # Who calls is known only now, and it is known in the transaction that then writes: no other phone can take
    # over between the two.
    work.principal = Principal.for_visitor(visitor.id)
    names = Names(work)
    languages.prefer(languages.of_browser() or visitor.language, names.time_zone(visit.site))
    return Visiting(work, visit, visitor, names, token)
