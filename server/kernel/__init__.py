"""The server's kernel: what every subject stands on, and no subject's own business.

How a subject is written. Say the subject is `umbrellas`, lent to guests:

    # models.py: SQLModel tables named <subject>_<thing>, and their queries
    class Umbrella(Record, table=True):                       # kernel.database.Record
        __tablename__ = "umbrellas_umbrella"  # pyright: ignore[reportAssignmentType]
        id: UmbrellaId = Field(primary_key=True, sa_type=ID_COLUMN)   # UmbrellaId(work.ids.new())
        site: SiteCode = Field(sa_type=text(3))               # a NewType needs its sa_type
        state: State = Field(sa_type=stored_as_text(State))   # enums are stored as text
        lent_at: datetime | None = None                       # aware UTC in and out, on both databases
        times_lent: int = Field(default=0, sa_type=BigInteger)

    # rules.py: pure functions of plain values; no session, no clock.

    # actions.py: functions of a Work (kernel.work); they know neither Flask nor MQTT and never commit
    @dataclass(frozen=True, kw_only=True)
    class UmbrellaLent(Event):                                # kernel.events; first field: what it is about
        umbrella: UmbrellaId
        visitor: VisitorId

    def lend(work: Work, umbrella: UmbrellaId, visitor: VisitorId) -> Umbrella:
        require(work.principal, Right.VISITS_MANAGE, site)    # kernel.principal, the one permission check
        found = work.session.get(Umbrella, umbrella)
        if found is None: raise NotFound("There is no such umbrella.")   # kernel.errors: Invalid, Conflict, …
        found.state, found.lent_at = State.LENT, work.now     # work.now: one moment for the whole work
        work.record(UmbrellaLent(umbrella=umbrella, visitor=visitor))    # audit line + reactions, same transaction
        live.notice(work, "umbrellas", about=umbrella)        # open pages fetch anew
        outbox.post(work, "mail", address, {...})             # sent after the commit, by the worker
        return found

    # api.py: JSON <-> action; the app registers `blueprint`, paths under /api/v1
    blueprint = ApiBlueprint("Umbrellas", "What is lent when it rains.", "/umbrellas")   # kernel.blueprint
    @blueprint.post("/<umbrella>/loan", {200: UmbrellaOut})   # the docstring's first line is its summary
    def lend(path: UmbrellaPath, body: Loan) -> Response:     # pydantic models with bounds on every field
        with request.begin() as work:                         # kernel.request; `reading()` for queries
            return answer(UmbrellaOut.of(actions.lend(work, path.umbrella, body.visitor)))

    # messages.py: MQTT <-> action, and what the worker sends; the worker calls `register(desk)`
    def register(desk: Desk) -> None:                         # kernel.desk
        desk.on(Kind.GATE, Subject.EVENT, took_umbrella)      # handler(work, incoming), own transaction
        desk.sends("mail", send_mail)                         # an outbox kind and its Sender
        desk.every(timedelta(minutes=5), "umbrellas overdue", remind)    # remind(work), on the leading worker only

Reactions between subjects are registered in `server/reactions.py`: `office.reactions.on(UmbrellaLent, handler)`.
Tests make an `Office(settings, clock=FixedClock(…))` and use `office.begin(Principal.system())`.
"""
