"""Feeds: whatever order chunks come in, a device ends with what the site knows, or asks for what it missed."""

from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import feeds
from access_protocol.documents import OlderDocumentError
from access_protocol.feeds import Chunk, LastPassage, MissedChangesError, Revocation
from access_protocol.ids import CredentialId, Direction, EventId, ZoneNumber
from access_protocol.knowledge import ALL_GENERATIONS, MalformedSectionError

IDS = st.binary(min_size=16, max_size=16).map(CredentialId)
SECONDS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda at: at.replace(tzinfo=UTC)
)
REVOCATIONS = st.builds(Revocation, IDS, st.integers(0, ALL_GENERATIONS), SECONDS)
PASSAGES = st.builds(
    LastPassage,
    IDS,
    st.integers(1, 23).map(ZoneNumber),
    st.sampled_from(Direction),
    INSTANTS,
    st.uuids().map(str).map(EventId),
)
NUMBERS = st.integers(0, (1 << 63) - 1)


@given(NUMBERS, st.lists(REVOCATIONS), st.booleans())
def test_a_chunk_of_revocations_is_read_as_it_was_written(
    after: int,
    entries: list[Revocation],
    more: bool,  # noqa: FBT001
) -> None:
    chunk = Chunk(after, tuple(entries), more)

    assert feeds.read_revocations(feeds.write_revocations(chunk)) == chunk


@given(NUMBERS, st.lists(PASSAGES), st.booleans())
def test_a_chunk_of_passages_is_read_as_it_was_written_to_the_microsecond(
    after: int,
    entries: list[LastPassage],
    more: bool,  # noqa: FBT001
) -> None:
    chunk = Chunk(after, tuple(entries), more)

    assert feeds.read_presence(feeds.write_presence(chunk)) == chunk


@given(st.binary() | st.recursive(st.integers() | st.binary(), st.lists).map(cbor2.dumps))
def test_any_other_bytes_are_refused_as_a_malformed_section(body: bytes) -> None:
    for read in (feeds.read_revocations, feeds.read_presence, feeds.read_credentials):
        try:
            chunk = read(body)
        except MalformedSectionError:
            continue
        assert chunk.after >= 0


@given(
    st.lists(st.integers(1, 60), max_size=60),
    st.integers(1, 200),
)
def test_chunks_hold_every_entry_once_in_order_and_stay_below_the_ceiling(
    sizes: list[int], ceiling: int
) -> None:
    runs = [sizes[run] for run in feeds.in_chunks(sizes, ceiling)]

    assert [size for run in runs for size in run] == sizes
    assert all(run and (sum(run) <= ceiling or len(run) == 1) for run in runs)


def test_a_chunk_that_continues_what_is_held_is_taken_and_one_that_leaves_a_gap_is_asked_for() -> (
    None
):
    feeds.check_order(after=5, version=9, held=5)
    feeds.check_order(after=3, version=9, held=5)
    with pytest.raises(MissedChangesError):
        feeds.check_order(after=6, version=9, held=5)
    with pytest.raises(OlderDocumentError):
        feeds.check_order(after=0, version=5, held=5)


@given(st.data())
def test_a_device_that_takes_every_chunk_that_fits_ends_with_what_the_site_knows(
    data: st.DataObject,
) -> None:
    """Chunks are lost, repeated and reordered; in the end the device asks and is answered."""
    changes = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=30))
    number_of = {key: number for number, key in enumerate(changes, start=1)}
    held_version, held = 0, dict[int, int]()

    def chunk(after: int, up_to: int) -> tuple[int, int, dict[int, int]]:
        """All changes after a number up to another, each in its newest form: as the server gives them."""
        return (
            after,
            up_to,
            {key: number for key, number in number_of.items() if after < number <= up_to},
        )

    sent = data.draw(
        st.lists(
            st.tuples(st.integers(0, len(changes)), st.integers(0, len(changes))).map(sorted),
            max_size=20,
        )
    )
    for after, version, entries in [chunk(*each) for each in sent] + [chunk(0, len(changes))]:
        try:
            feeds.check_order(after, version, held_version)
        except (OlderDocumentError, MissedChangesError):
            continue
        held.update(entries)
        held_version = version

    assert held_version == len(changes)
    assert held == number_of


def test_times_before_1970_cannot_be_written_as_if_they_were_later() -> None:
    early = LastPassage(
        CredentialId(bytes(16)),
        ZoneNumber(1),
        Direction.IN,
        datetime(1970, 1, 1, tzinfo=UTC) - timedelta(seconds=1),
        EventId("8c5d3a52-6e0f-4d5b-9a3e-2f9b8a7c6d10"),
    )

    with pytest.raises(MalformedSectionError):
        feeds.read_presence(feeds.write_presence(Chunk(0, (early,))))
