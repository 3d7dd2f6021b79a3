"""A poster opens only for whoever shows in full one of the ways that its access point asks for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_protocol import presence
from access_protocol.credential import PASSES, CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.ids import CredentialId
from access_protocol.presence import Presence, UnsafeWaysError, Ways
from access_protocol.rules import PosterScanned
from tests.fakes.decision_scene import Scene
from tests.vectors import stage

SHOWINGS = st.frozensets(st.sampled_from(Presence))
CLASSES = st.sampled_from(PASSES)


@given(SHOWINGS, st.frozensets(SHOWINGS, max_size=5), CLASSES)
def test_a_poster_opens_exactly_where_one_way_is_fully_shown(
    shown: frozenset[Presence], ways: Ways, credential_class: CredentialClass
) -> None:
    scene = Scene(credential=stage.claims(credential_class))
    proven = shown - {Presence.KEY}
    if credential_class is CredentialClass.BOUND:
        proven |= {Presence.KEY}

    decision = scene.scan(shown, ways)

    full = [way for way in ways if way and way != frozenset({Presence.POSITION}) and way <= proven]
    assert decision.granted == bool(full)
    assert decision.reason is (None if full else DenyReason.PRESENCE_MISSING)


@given(st.frozensets(SHOWINGS, max_size=5), CLASSES.filter(lambda each: each != "bound"))
def test_a_position_alone_never_opens_whatever_was_chosen(
    ways: Ways, credential_class: CredentialClass
) -> None:
    scene = Scene(credential=stage.claims(credential_class))

    decision = scene.scan(frozenset({Presence.POSITION}), ways)

    assert decision.reason is DenyReason.PRESENCE_MISSING


def test_a_voucher_that_the_server_made_for_the_asker_counts_as_their_key() -> None:
    scene = Scene(credential=stage.voucher(), point=stage.MACHINE_POINT)
    key, code = Presence.KEY, Presence.CODE

    assert scene.scan(frozenset(), frozenset({frozenset({key})})).granted
    asked_for_more = scene.scan(frozenset(), frozenset({frozenset({key, code})}))
    assert asked_for_more.reason is DenyReason.PRESENCE_MISSING


def test_nobody_orders_with_a_voucher_that_was_made_for_somebody_else() -> None:
    scene = Scene(credential=stage.voucher(), point=stage.MACHINE_POINT)
    ways = frozenset({frozenset({Presence.KEY})})

    decision = scene.asked(PosterScanned((scene.text(),), stage.VISITOR, frozenset(), ways))

    assert decision.reason is DenyReason.HOLDER_PROOF_WRONG


def test_nobody_opens_with_the_pass_of_another_visitor() -> None:
    scene = Scene(credential=stage.claims(CredentialClass.BOUND))
    other = CredentialId(bytes(16))

    decision = scene.asked(
        PosterScanned((scene.text(),), other, frozenset(Presence), presence.DEFAULT)
    )

    assert decision.reason is DenyReason.HOLDER_PROOF_WRONG
    assert decision.credential_id == scene.credential.id


def test_what_is_shown_does_not_mend_a_pass_that_does_not_count() -> None:
    scene = Scene(credential=stage.claims(CredentialClass.BOUND, generation=0), lowest=1)

    assert scene.scan(frozenset(Presence), presence.DEFAULT).reason is DenyReason.REVOKED

    scene = Scene(credential=replace(stage.claims(CredentialClass.BOUND), zones=(1,)))

    assert scene.scan(frozenset(Presence), presence.DEFAULT).reason is DenyReason.WRONG_ZONE


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        (list[list[str]](), "at least one way"),
        ([list[str]()], "nothing is shown"),
        ([["position"]], "can be faked"),
        ([["position", "position"]], "can be faked"),
        ([["key", "code"], ["position"]], "can be faked"),
        ([["smile"]], "smile"),
    ],
)
def test_unsafe_ways_are_not_taken(chosen: list[list[str]], why: str) -> None:
    with pytest.raises(UnsafeWaysError, match=why):
        presence.ways(chosen)


def test_ways_are_written_in_one_order_and_read_again() -> None:
    chosen = presence.ways([["approval"], ["code", "key"], ["key", "code"]])

    assert presence.written(chosen) == [["approval"], ["key", "code"]]
    assert presence.ways(presence.written(chosen)) == chosen
