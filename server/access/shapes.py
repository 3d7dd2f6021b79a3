"""How lockdowns, amnesties and double entries look in JSON."""

from datetime import datetime

from pydantic import BaseModel, Field

from access_protocol.events import Lock
from server.access.actions import Lasting, Told
from server.access.models import Amnesty, AntiPassbackConflict, CommandState, Lockdown


class ToldOut(BaseModel):
    """A controller and its own word; `lock` null is unknown: it is away, or was never heard."""

    controller: str
    name: str
    lock: Lock | None
    answer: CommandState | None = Field(description="What came of the newest command to it.")

    @classmethod
    def of(cls, told: Told) -> "ToldOut":
        """Show what a controller was told and says."""
        return cls.model_validate(told, from_attributes=True)


class LockdownOut(BaseModel):
    """Entry to a zone, or to the whole site where `zone` is null, is or was stopped. Exit never is."""

    id: str
    site: str
    zone: int | None
    reason: str
    began_at: datetime
    began_by: str | None
    released_at: datetime | None
    released_by: str | None
    release_reason: str

    @classmethod
    def of(cls, lockdown: Lockdown) -> "LockdownOut":
        """Show a lockdown."""
        return cls.model_validate(lockdown, from_attributes=True)


class LastingOut(LockdownOut):
    """A lockdown that lasts, with the controllers that it concerns."""

    controllers: list[ToldOut]
    not_locked_down: list[str] = Field(
        description="Controllers that do not report to be locked down, by their ids."
    )

    @classmethod
    def with_doors(cls, lasting: Lasting) -> "LastingOut":
        """Show a lockdown and what its doors report."""
        return cls(
            **LockdownOut.of(lasting.lockdown).model_dump(),
            controllers=[ToldOut.of(each) for each in lasting.told],
            not_locked_down=[each.controller for each in lasting.missing],
        )


class LockdownList(BaseModel):
    """The lockdowns that last; and the controllers that did not confirm a release yet."""

    items: list[LastingOut]
    not_released: list[ToldOut]


class AmnestyOut(BaseModel):
    """Entries forgiven by a guard up to a moment."""

    id: str
    site: str
    zone: int | None
    credential: str | None
    at: datetime
    reason: str

    @classmethod
    def of(cls, amnesty: Amnesty) -> "AmnestyOut":
        """Show an amnesty."""
        whose = None if amnesty.credential is None else bytes(amnesty.credential).hex()
        return cls(**amnesty.model_dump(exclude={"credential", "person"}), credential=whose)


class ConflictOut(BaseModel):
    """Two entries of one credential into a zone without an exit between."""

    id: str
    site: str
    zone: int
    credential: str
    first_event: str
    first_at: datetime
    first_access_point: str
    second_event: str
    second_at: datetime
    second_access_point: str
    found_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str

    @classmethod
    def of(cls, found: AntiPassbackConflict) -> "ConflictOut":
        """Show a double entry."""
        plain = found.model_dump(exclude={"credential", "explained_at"})
        return cls(**plain, credential=bytes(found.credential).hex())


class ConflictPage(BaseModel):
    """Double entries, the latest first."""

    items: list[ConflictOut]
    next_cursor: str | None
