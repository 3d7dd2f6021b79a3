"""The outbox sends what was committed, at least once, in time or not at all."""

from datetime import timedelta

import pytest
from sqlmodel import select

from server.kernel import outbox
from server.kernel.clock import FixedClock
from server.kernel.outbox import OutboxRow, OutboxSettled, Outgoing, SendFailed, State
from server.kernel.principal import Principal
from server.kernel.work import Office, Work

SYSTEM = Principal.system()


class Recorder:
    """A sender that keeps what it was given, and fails as often as told."""

    def __init__(self, failures: int = 0, *, final: bool = False) -> None:
        self.sent: list[Outgoing] = []
        self._failures, self._final = failures, final

    def __call__(self, row: Outgoing) -> None:
        if self._failures:
            self._failures -= 1
            raise SendFailed("nobody answered", final=self._final)
        self.sent.append(row)


def rows(office: Office) -> list[OutboxRow]:
    with office.reading(SYSTEM) as work:
        return list(work.session.exec(select(OutboxRow).order_by(OutboxRow.id)).all())


def write(office: Office, **options: object) -> None:
    with office.begin(SYSTEM) as work:
        outbox.post(work, "mail", "a@example.jp", {"n": 1}, **options)  # pyright: ignore[reportArgumentType]


def test_rows_go_out_once_in_the_order_in_which_they_were_written(office: Office) -> None:
    sender = Recorder()
    with office.begin(SYSTEM) as work:
        for number in range(5):
            outbox.post(work, "mail", "a@example.jp", {"n": number})
    assert outbox.send_due(office, {"mail": sender}) == 5
    assert [row.payload["n"] for row in sender.sent] == [0, 1, 2, 3, 4]
    assert outbox.send_due(office, {"mail": sender}) == 0
    assert {row.state for row in rows(office)} == {State.SENT}


def test_work_that_fails_sends_nothing(office: Office) -> None:
    def fail() -> None:
        with office.begin(SYSTEM) as work:
            outbox.post(work, "mail", "a@example.jp")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    sender = Recorder()
    assert outbox.send_due(office, {"mail": sender}) == 0
    assert sender.sent == []


def test_what_failed_is_tried_again_after_a_growing_pause(
    office: Office, clock: FixedClock
) -> None:
    sender = Recorder(failures=2)
    write(office)
    outbox.send_due(office, {"mail": sender})
    assert outbox.send_due(office, {"mail": sender}) == 0
    assert rows(office)[0].last_error == "nobody answered"
    for _ in range(2):
        clock.advance(timedelta(seconds=3))
        outbox.send_due(office, {"mail": sender})
    assert [row.attempt for row in sender.sent] == [3]


def test_a_final_failure_is_not_tried_again(office: Office, clock: FixedClock) -> None:
    sender = Recorder(failures=1, final=True)
    write(office)
    outbox.send_due(office, {"mail": sender})
    clock.advance(timedelta(days=1))
    assert outbox.send_due(office, {"mail": sender}) == 0
    assert rows(office)[0].state is State.FAILED


def test_a_row_past_its_deadline_expires_and_is_never_sent(
    office: Office, clock: FixedClock
) -> None:
    settled: list[OutboxSettled] = []

    def keep(_work: Work, happened: OutboxSettled) -> None:
        settled.append(happened)

    office.reactions.on(OutboxSettled, keep)
    sender = Recorder()
    write(office, deadline=clock.now() + timedelta(seconds=5), reference="door-7", once=True)
    clock.advance(timedelta(seconds=5))
    outbox.send_due(office, {"mail": sender})
    assert sender.sent == []
    assert [(each.reference, each.state) for each in settled] == [("door-7", State.EXPIRED)]


def test_a_row_to_be_sent_once_is_not_sent_again_after_a_crash(
    office: Office, clock: FixedClock
) -> None:
    def crash(_row: Outgoing) -> None:
        raise KeyboardInterrupt

    write(office, once=True)
    with pytest.raises(KeyboardInterrupt):
        outbox.send_due(office, {"mail": crash})
    clock.advance(outbox.LEASE)
    sender = Recorder()
    outbox.send_due(office, {"mail": sender})
    assert sender.sent == []
    assert rows(office)[0].state is State.FAILED


def test_another_row_is_sent_again_after_a_crash_once_the_lease_is_over(
    office: Office, clock: FixedClock
) -> None:
    def crash(_row: Outgoing) -> None:
        raise KeyboardInterrupt

    write(office)
    with pytest.raises(KeyboardInterrupt):
        outbox.send_due(office, {"mail": crash})
    sender = Recorder()
    assert outbox.send_due(office, {"mail": sender}) == 0
    clock.advance(outbox.LEASE)
    outbox.send_due(office, {"mail": sender})
    assert [row.attempt for row in sender.sent] == [2]


def test_two_workers_never_send_the_same_row(office: Office) -> None:
    first, second = Recorder(), Recorder()
    write(office)

    def send_and_let_the_other_look(row: Outgoing) -> None:
        outbox.send_due(office, {"mail": second})
        first(row)

    outbox.send_due(office, {"mail": send_and_let_the_other_look})
    assert (len(first.sent), len(second.sent)) == (1, 0)


def test_a_broken_sender_does_not_stop_the_others_rows(office: Office) -> None:
    def broken(_row: Outgoing) -> None:
        raise ZeroDivisionError

    write(office)
    write(office)
    assert outbox.send_due(office, {"mail": broken}) == 2
    assert {row.attempts for row in rows(office)} == {1}
    assert "ZeroDivisionError" in str(rows(office)[0].last_error)


def test_what_was_not_sent_yet_can_be_withdrawn(office: Office) -> None:
    write(office, reference="visit-1")
    with office.begin(SYSTEM) as work:
        assert outbox.withdraw(work, "mail", "visit-1", "cancelled") == 1
    assert outbox.send_due(office, {"mail": Recorder()}) == 0


def test_a_row_that_waited_too_long_behind_slow_ones_is_not_sent_twice(
    office: Office, clock: FixedClock
) -> None:
    for _ in range(3):
        write(office)
    other = Recorder()
    slow = Recorder()

    def send_slowly(row: Outgoing) -> None:
        slow(row)
        clock.advance(outbox.LEASE * 2 / 3)
        if len(slow.sent) == 2:
            # The leases that began with the batch are over: another worker looks for what is due.
            outbox.send_due(office, {"mail": other})

    outbox.send_due(office, {"mail": send_slowly})
    sent = [row.id for row in (*slow.sent, *other.sent)]
    assert len(sent) == len(set(sent)) == 3
    assert {row.state for row in rows(office)} == {State.SENT}


def test_what_is_settled_together_is_sent_in_order_and_each_row_keeps_what_came_of_it(
    office: Office,
) -> None:
    for _ in range(3):
        write(office)
    sender = Recorder(failures=1)
    assert outbox.send_due(office, {"mail": sender}, together=True) == 3
    assert len(sender.sent) == 2
    assert [row.state for row in rows(office)] == [State.PENDING, State.SENT, State.SENT]
    assert rows(office)[0].last_error == "nobody answered"


def test_what_somebody_is_sending_is_due_for_nobody_else(office: Office) -> None:
    write(office)
    seen: list[set[str]] = []

    def sender(_row: Outgoing) -> None:
        seen.append(outbox.due_kinds(office, ["mail", "push"]))

    assert outbox.due_kinds(office, ["mail", "push"]) == {"mail"}
    outbox.send_due(office, {"mail": sender})
    assert seen == [set()]
