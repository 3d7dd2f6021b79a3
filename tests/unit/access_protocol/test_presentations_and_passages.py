"""Short and refreshed presentations, what was used before, and anti-passback with its forgiveness."""

from dataclasses import replace
from datetime import timedelta

import pytest

from access_protocol import credential
from access_protocol.credential import CredentialClass
from access_protocol.decision import DecisionWarning, DenyReason
from access_protocol.ids import CredentialId, Direction
from access_protocol.knowledge import AntiPassback, ZonePolicy
from tests.fakes.decision_scene import Scene
from tests.vectors import stage


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("mode", "direction", "reason", "warning"),
    [
        (AntiPassback.HARD, Direction.IN, DenyReason.ANTI_PASSBACK, None),
        (AntiPassback.HARD, Direction.OUT, None, None),
        (AntiPassback.SOFT, Direction.IN, None, DecisionWarning.ANTI_PASSBACK),
        (AntiPassback.SOFT, Direction.OUT, None, None),
        (AntiPassback.OFF, Direction.IN, None, None),
    ],
)
def test_hard_anti_passback_refuses_a_second_entry_soft_notes_it_and_exit_is_free(
    scene: Scene,
    mode: AntiPassback,
    direction: Direction,
    reason: DenyReason | None,
    warning: DecisionWarning | None,
) -> None:
    scene.say_of_the_zone(ZonePolicy(mode))
    scene.point = replace(scene.point, direction=direction)
    scene.history.presence[stage.VISITOR, scene.point.zone] = stage.NOON

    decision = scene.decide()

    assert decision.reason is reason
    assert decision.warning is warning


@pytest.mark.parametrize(
    ("entered_ago", "reason"),
    [(timedelta(minutes=59), DenyReason.ANTI_PASSBACK), (timedelta(minutes=60), None)],
)
def test_an_entry_is_forgiven_after_the_time_that_the_policy_names(
    scene: Scene, entered_ago: timedelta, reason: DenyReason | None
) -> None:
    scene.say_of_the_zone(ZonePolicy(AntiPassback.HARD, forgiven_after=timedelta(hours=1)))
    scene.history.presence[stage.VISITOR, scene.point.zone] = stage.NOON - entered_ago

    assert scene.decide().reason is reason


def test_an_amnesty_forgives_the_entries_before_it_and_none_after_it(scene: Scene) -> None:
    amnesty = stage.NOON - timedelta(minutes=10)
    scene.say_of_the_zone(ZonePolicy(AntiPassback.HARD, amnesty=amnesty))

    scene.history.presence[stage.VISITOR, scene.point.zone] = amnesty
    assert scene.decide().granted

    scene.history.presence[stage.VISITOR, scene.point.zone] = amnesty + timedelta(seconds=1)
    assert scene.decide().reason is DenyReason.ANTI_PASSBACK


def test_a_static_credential_issued_after_the_phones_counts_again(scene: Scene) -> None:
    scene.history.bound[stage.VISITOR] = 2
    scene.credential = stage.claims(generation=3)

    assert scene.decide().granted


def test_a_short_presentation_is_decided_by_the_credential_that_is_held(scene: Scene) -> None:
    bound = stage.credentials()["bound"]
    short = credential.to_text(
        credential.present_short(bound, stage.VISITOR, stage.HOLDER, stage.NOON)
    )

    assert scene.decide(short).reason is DenyReason.NOT_HELD

    scene.held = {stage.VISITOR: bound}
    decision = scene.decide(short)

    assert decision.granted
    assert decision.credential_id == stage.VISITOR
    assert decision.presented_at == int(stage.NOON.timestamp())


def test_a_short_presentation_does_not_count_for_another_issue_of_the_credential(
    scene: Scene,
) -> None:
    older = stage.credentials()["bound"]
    newer = credential.issue(stage.claims(CredentialClass.BOUND, generation=2), stage.ISSUER)
    scene.held = {stage.VISITOR: newer}
    made = credential.present_short(older, stage.VISITOR, stage.HOLDER, stage.NOON)

    assert scene.decide(credential.to_text(made)).reason is DenyReason.HOLDER_PROOF_WRONG


def test_a_credential_held_under_another_id_is_malformed(scene: Scene) -> None:
    bound = stage.credentials()["bound"]
    other = CredentialId(bytes(16))
    scene.held = {other: bound}
    made = credential.present_short(bound, other, stage.HOLDER, stage.NOON)

    assert scene.decide(credential.to_text(made)).reason is DenyReason.MALFORMED


def test_a_refreshed_credential_is_used_once_at_an_access_point(scene: Scene) -> None:
    begins = stage.NOON - timedelta(seconds=20)
    scene.credential = stage.claims(CredentialClass.REFRESHED, begins=begins)

    decision = scene.decide()

    assert decision.granted
    assert decision.presented_at == int(begins.timestamp())

    scene.history.presentations.add((stage.VISITOR, int(begins.timestamp()), scene.point.id))
    assert scene.decide().reason is DenyReason.ALREADY_USED
