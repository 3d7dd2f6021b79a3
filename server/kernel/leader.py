"""One leader among several workers: a lease in the database that is renewed or runs out."""

from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Field, select

from server.kernel.database import Record
from server.kernel.principal import Principal
from server.kernel.work import Office


class Lease(Record, table=True):
    """Who leads, and until when."""

    __tablename__ = "kernel_lease"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True, max_length=32)
    holder: str = Field(max_length=64)
    until: datetime


class Leadership:
    """One candidate for the lead; call `held` before each round of what only the leader does."""

    def __init__(
        self, office: Office, name: str, holder: str, lasts: timedelta = timedelta(seconds=15)
    ) -> None:
        """Stand for the lead called `name` as `holder`, which must be unique to this process."""
        self._office, self._name, self._holder, self._lasts = office, name, holder, lasts

    def held(self) -> bool:
        """Take or renew the lead; tell whether it is ours until the lease ends."""
        try:
            with self._office.begin(Principal.system("leader")) as work:
                lease = work.session.exec(
                    select(Lease).where(Lease.name == self._name).with_for_update()
                ).first()
                until = work.now + self._lasts
                if lease is None:
                    work.session.add(Lease(name=self._name, holder=self._holder, until=until))
                elif lease.holder == self._holder or lease.until <= work.now:
                    lease.holder, lease.until = self._holder, until
                else:
                    return False
        except IntegrityError:
            # Another worker wrote the first row at the same moment: it leads.
            return False
        return True

    def release(self) -> None:
        """Give the lead back, so that another worker need not wait for the lease to end."""
        with self._office.begin(Principal.system("leader")) as work:
            lease = work.session.get(Lease, self._name)
            if lease is not None and lease.holder == self._holder:
                work.session.delete(lease)
