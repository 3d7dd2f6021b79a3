"""Granted or denied, and for which reason, and in which order the reasons are looked for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from access_protocol import wording
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.ids import Direction, SiteCode
from access_protocol.rules import (
    Circumstances,
    OperatorRequest,
    decide,
    not_journaled,
)
from access_protocol.wording import Language
from tests.fakes.decision_scene import Scene
from tests.fakes.knowledge import FakeKnowledge
from tests.vectors import stage


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_good_static_credential_is_granted_and_named_by_its_id(scene: Scene) -> None:
    decision = scene.decide()

    assert decision.granted
    assert decision.credential_id == stage.VISITOR
    assert decision.credential_class is CredentialClass.STATIC
    assert decision.generation == 1
    assert decision.presented_at is None


def test_a_good_presentation_is_granted_and_keeps_the_time_it_was_made(scene: Scene) -> None:
    scene.credential = stage.claims(CredentialClass.BOUND)

    decision = scene.decide()

    assert decision.granted
    assert decision.presented_at == int(stage.NOON.timestamp())


def test_the_same_code_seen_twice_in_one_frame_is_one_code(scene: Scene) -> None:
    assert scene.decide(scene.text(), scene.text()).granted


def test_a_credential_for_another_site_is_refused(scene: Scene) -> None:
    scene.credential = stage.claims(site=SiteCode("OSA"))

    assert scene.decide().reason is DenyReason.WRONG_SITE


def test_a_gate_that_never_heard_the_server_admits_nobody(scene: Scene) -> None:
    scene.circumstances = replace(scene.circumstances, knowledge_age=None)

    assert scene.decide().reason is DenyReason.KNOWLEDGE_STALE


@pytest.mark.parametrize(
    ("credential_class", "hours", "granted"),
    [
        (CredentialClass.STATIC, 24, True),
        (CredentialClass.STATIC, 25, False),
        (CredentialClass.BOUND, 25, True),
        (CredentialClass.BOUND, 73, False),
    ],
)
def test_how_old_the_knowledge_may_be_depends_on_the_class(
    scene: Scene, credential_class: CredentialClass, hours: int, *, granted: bool
) -> None:
    scene.credential = stage.claims(credential_class)
    scene.circumstances = replace(scene.circumstances, knowledge_age=timedelta(hours=hours))

    decision = scene.decide()

    assert decision.reason is (None if granted else DenyReason.KNOWLEDGE_STALE)


def test_without_a_trusted_clock_nobody_is_admitted_and_the_clock_is_named(scene: Scene) -> None:
    boot = stage.NOON.replace(year=1990)
    shown = scene.text()
    scene.circumstances = replace(scene.circumstances, now=boot, clock_trusted=False)

    assert scene.decide(shown).reason is DenyReason.CLOCK_UNTRUSTED


def test_the_window_begins_with_its_first_second_and_ends_before_its_last(scene: Scene) -> None:
    second = timedelta(seconds=1)
    begins, ends = scene.credential.not_before, scene.credential.expires
    reasons: list[DenyReason | None] = []
    for now in (begins - second, begins, ends - second, ends):
        scene.circumstances = replace(scene.circumstances, now=now)
        reasons.append(scene.decide().reason)

    assert reasons == [DenyReason.NOT_YET_VALID, None, None, DenyReason.EXPIRED]


def test_a_key_whose_time_is_over_is_unknown(scene: Scene) -> None:
    scene.credential = stage.claims(ends=stage.NOON + timedelta(days=3))
    scene.circumstances = replace(scene.circumstances, now=stage.NOON + timedelta(days=2))

    assert scene.decide().reason is DenyReason.UNKNOWN_KEY


def test_an_older_generation_is_revoked_and_the_lowest_valid_one_is_not(scene: Scene) -> None:
    scene.lowest = 2

    assert scene.decide().reason is DenyReason.REVOKED

    scene.credential = stage.claims(generation=2)

    assert scene.decide().granted


def test_a_class_that_the_policy_does_not_admit_here_is_refused(scene: Scene) -> None:
    scene.point = replace(scene.point, classes=frozenset({CredentialClass.BOUND}))

    assert scene.decide().reason is DenyReason.CLASS_NOT_ALLOWED


def test_a_static_credential_is_refused_once_the_phone_was_used(scene: Scene) -> None:
    scene.history.bound[stage.VISITOR] = 2

    assert scene.decide().reason is DenyReason.USE_PHONE


def test_a_zone_that_the_credential_does_not_hold_is_refused(scene: Scene) -> None:
    scene.credential = stage.claims(zones=(1, 3))

    assert scene.decide().reason is DenyReason.WRONG_ZONE


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (-10, None),
        (-11, DenyReason.PRESENTATION_OUT_OF_TIME),
        (30, None),
        (31, DenyReason.PRESENTATION_OUT_OF_TIME),
    ],
)
def test_a_presentation_counts_from_30_seconds_back_to_10_seconds_ahead(
    scene: Scene, seconds: int, reason: DenyReason | None
) -> None:
    scene.credential = stage.claims(CredentialClass.BOUND)
    shown = scene.text()
    now = stage.NOON + timedelta(seconds=seconds)
    scene.circumstances = replace(scene.circumstances, now=now)

    assert scene.decide(shown).reason is reason


def test_a_presentation_is_used_once_at_each_access_point(scene: Scene) -> None:
    scene.credential = stage.claims(CredentialClass.BOUND)
    scene.history.presentations.add((stage.VISITOR, int(stage.NOON.timestamp()), scene.point.id))

    assert scene.decide().reason is DenyReason.ALREADY_USED


def test_a_static_credential_opens_each_access_point_once(scene: Scene) -> None:
    scene.history.entries.add((stage.VISITOR, scene.point.id))

    assert scene.decide().reason is DenyReason.ENTRY_SPENT


def test_a_bound_credential_may_enter_again(scene: Scene) -> None:
    scene.credential = stage.claims(CredentialClass.BOUND)
    scene.history.entries.add((stage.VISITOR, scene.point.id))

    assert scene.decide().granted


def test_lockdown_stops_entry_and_never_exit(scene: Scene) -> None:
    scene.policy = replace(scene.policy, locked_down=frozenset({scene.point.zone}))

    assert scene.decide().reason is DenyReason.LOCKDOWN

    scene.point = replace(scene.point, direction=Direction.OUT)

    assert scene.decide().granted


def test_a_grant_that_cannot_be_journaled_is_a_refusal(scene: Scene) -> None:
    assert not_journaled(scene.decide()).reason is DenyReason.JOURNAL_UNAVAILABLE


def test_a_refusal_that_cannot_be_journaled_keeps_its_reason(scene: Scene) -> None:
    scene.credential = stage.claims(zones=(1,))

    assert not_journaled(scene.decide()).reason is DenyReason.WRONG_ZONE


@pytest.mark.parametrize("permitted", [True, False])
def test_an_operator_opens_what_they_are_permitted_to_open(
    scene: Scene, *, permitted: bool
) -> None:
    known = FakeKnowledge(stage.SITE, scene.policy, stage.RING)

    decision = decide(
        OperatorRequest(permitted), scene.point, known, scene.history, scene.circumstances
    )

    assert decision.reason is (None if permitted else DenyReason.NOT_PERMITTED)


def test_an_operator_does_not_open_what_is_locked_down(scene: Scene) -> None:
    locked = replace(scene.policy, locked_down=frozenset({scene.point.zone}))
    known = FakeKnowledge(stage.SITE, locked, stage.RING)

    decision = decide(
        OperatorRequest(permitted=True), scene.point, known, scene.history, scene.circumstances
    )

    assert decision.reason is DenyReason.LOCKDOWN


def test_the_reasons_are_looked_for_in_the_order_of_the_list(scene: Scene) -> None:
    """Everything is wrong at once; mending the first reason uncovers the next."""
    shown = Scene(credential=stage.claims(zones=(1,), site=SiteCode("OSA"), generation=0))
    scene.credential = shown.credential
    scene.point = replace(scene.point, classes=frozenset({CredentialClass.BOUND}))
    scene.policy = replace(scene.policy, locked_down=frozenset({scene.point.zone}))
    scene.history.bound[stage.VISITOR] = 2
    scene.history.entries.add((stage.VISITOR, scene.point.id))
    scene.lowest = 1
    scene.circumstances = Circumstances(
        stage.NOON + timedelta(hours=2), clock_trusted=False, knowledge_age=None
    )
    found = [scene.decide().reason]
    for mend in _MENDINGS:
        mend(scene)
        found.append(scene.decide().reason)

    order = list(DenyReason)
    assert found[-1] is None
    named = [reason for reason in found if reason is not None]
    assert named == sorted(named, key=order.index)
    assert len(set(named)) == len(named) == 10


def _site(scene: Scene) -> None:
    scene.credential = replace(scene.credential, site=stage.SITE)


def _knowledge(scene: Scene) -> None:
    scene.circumstances = replace(scene.circumstances, knowledge_age=timedelta())


def _clock(scene: Scene) -> None:
    scene.circumstances = replace(scene.circumstances, clock_trusted=True)


def _window(scene: Scene) -> None:
    scene.circumstances = replace(scene.circumstances, now=stage.NOON)


def _generation(scene: Scene) -> None:
    scene.credential = replace(scene.credential, generation=1)


def _class(scene: Scene) -> None:
    scene.point = replace(scene.point, classes=stage.POINT.classes)


def _phone(scene: Scene) -> None:
    scene.history.bound.clear()


def _zone(scene: Scene) -> None:
    scene.credential = replace(scene.credential, zones=stage.claims().zones)


def _entry(scene: Scene) -> None:
    scene.history.entries.clear()


def _lockdown(scene: Scene) -> None:
    scene.policy = stage.POLICY


_MENDINGS = (
    _site,
    _knowledge,
    _clock,
    _window,
    _generation,
    _class,
    _phone,
    _zone,
    _entry,
    _lockdown,
)


@pytest.mark.parametrize("language", list(wording.Language))
def test_every_reason_has_a_sentence_in_every_language_and_no_two_say_the_same(
    language: wording.Language,
) -> None:
    sentences = [wording.sentence(reason, language) for reason in DenyReason]

    assert all(sentences)
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("language", Language)
def test_a_voucher_that_counts_no_longer_sends_nobody_to_their_host(language: Language) -> None:
    for reason in (DenyReason.EXPIRED, DenyReason.REVOKED, DenyReason.CLASS_NOT_ALLOWED):
        of_a_pass = wording.sentence(reason, language, CredentialClass.BOUND)

        assert of_a_pass == wording.sentence(reason, language)
        assert wording.sentence(reason, language, CredentialClass.VOUCHER) != of_a_pass


def test_a_voucher_is_good_for_one_thing_and_given_back_ones_count_again() -> None:
    scene = Scene(credential=stage.voucher(), point=stage.MACHINE_POINT)

    assert scene.decide().slot == 3
    scene.history.entries.add((stage.VOUCHER, stage.MACHINE_POINT.id))
    assert scene.decide().reason is DenyReason.VOUCHER_SPENT
    scene.history.entries.clear()
    assert scene.decide().granted
