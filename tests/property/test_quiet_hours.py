"""Quiet hours: over midnight, at week-ends, and where the clock jumps."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.notifications.quiet import QuietHours, quiet_until

BERLIN, TOKYO = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
EVERY_DAY = frozenset(range(1, 8))
minutes = st.times().map(lambda each: each.replace(second=0, microsecond=0))
zones = st.sampled_from(
    [BERLIN, TOKYO, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe")]
)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001  made aware
    lambda each: each.replace(tzinfo=UTC)
)
some_days = st.frozensets(st.integers(1, 7), min_size=1, max_size=6)


def hours(
    begin: str, end: str, days: frozenset[int] = EVERY_DAY, zone: ZoneInfo = TOKYO
) -> QuietHours:
    return QuietHours(
        begin=time.fromisoformat(begin), end=time.fromisoformat(end), days=days, zone=zone
    )


def local(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-04-01T21:59", None),
        ("2026-04-01T22:00", "2026-04-02T07:00"),
        ("2026-04-02T06:59", "2026-04-02T07:00"),
        ("2026-04-02T07:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(at: str, until: str | None) -> None:
    ends = quiet_until(hours("22:00", "07:00"), local(at, TOKYO))
    assert ends == (local(until, TOKYO) if until else None)


def test_quiet_hours_count_by_the_day_on_which_they_begin() -> None:
    friday = hours("22:00", "07:00", frozenset({5}))
    assert quiet_until(friday, local("2026-04-04T03:00", TOKYO)) == local("2026-04-04T07:00", TOKYO)
    assert quiet_until(friday, local("2026-04-03T03:00", TOKYO)) is None


def test_a_quiet_week_end_is_one_stretch() -> None:
    week_end = hours("00:00", "00:00", frozenset({6, 7}))
    assert quiet_until(week_end, local("2026-04-04T09:00", TOKYO)) == local(
        "2026-04-06T00:00", TOKYO
    )


def test_quiet_hours_are_shorter_where_the_clock_jumps_ahead() -> None:
    night = hours("01:00", "05:00", zone=BERLIN)
    ends = quiet_until(night, local("2026-03-29T01:00", BERLIN))
    assert ends == datetime(2026, 3, 29, 3, tzinfo=UTC)


def test_quiet_hours_that_end_in_the_skipped_hour_end() -> None:
    night = hours("22:00", "02:30", zone=BERLIN)
    ends = quiet_until(night, local("2026-03-29T01:00", BERLIN))
    assert ends == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert quiet_until(night, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) is None


@given(minutes, minutes, some_days, zones, moments)
def test_quiet_time_ends_later_and_is_over_then(
    begin: time, end: time, days: frozenset[int], zone: ZoneInfo, at: datetime
) -> None:
    wanted = QuietHours(begin=begin, end=end, days=days, zone=zone)
    ends = quiet_until(wanted, at)
    if ends is not None:
        assert at < ends <= at + timedelta(days=8)
        assert quiet_until(wanted, ends) is None


@given(minutes, minutes, zones, moments)
def test_outside_both_local_times_nobody_is_kept_waiting(
    begin: time, end: time, zone: ZoneInfo, at: datetime
) -> None:
    now = at.astimezone(zone)
    clear = timedelta(hours=2)
    near_a_jump = (at - clear).astimezone(zone).utcoffset() != (at + clear).astimezone(
        zone
    ).utcoffset()
    if begin < end and not near_a_jump:
        inside = begin <= now.time() < end
        found = quiet_until(QuietHours(begin=begin, end=end, days=EVERY_DAY, zone=zone), at)
        assert (found is not None) == inside
