"""Topics are built and taken apart in one place, and nothing else passes for one."""

import pytest

from access_protocol import topics
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.topics import Kind, MalformedTopicError, Subject
from access_protocol.transport.base import matches

SITE, GATE, DOOR = SiteCode("TYO"), DeviceId("gate-1"), DeviceId("door-sakura")


@pytest.mark.parametrize(
    ("kind", "subject", "addressed"),
    [(kind, s, addressed) for kind in Kind for s, addressed in topics.WRITES[kind].items()],
)
def test_what_is_built_is_parsed_again(kind: Kind, subject: Subject, *, addressed: bool) -> None:
    text = topics.build(SITE, kind, GATE, subject, DOOR if addressed else None)

    parsed = topics.parse(text)

    assert (parsed.kind, parsed.device, parsed.subject) == (kind, GATE, subject)
    assert str(parsed) == text
    assert matches(topics.below(SITE, kind, GATE), text)
    assert matches(topics.everything_for(SITE, DOOR), text) is addressed


def test_a_kind_builds_only_the_topics_it_writes() -> None:
    with pytest.raises(MalformedTopicError, match="controller has no topic command"):
        topics.build(SITE, Kind.CONTROLLER, DOOR, Subject.COMMAND, GATE)


def test_a_command_without_addressee_is_no_topic() -> None:
    with pytest.raises(MalformedTopicError, match="without addressee"):
        topics.build(SITE, Kind.GATE, GATE, Subject.COMMAND)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "genkan",
        "genkan/TYO/gate/gate-1",
        "genkan/TYO/gate/gate-1/status/",
        "genkan/TYO/gate/gate-1/status/door-sakura",
        "genkan/TYO/gate/gate-1/command",
        "genkan/TYO/gate/gate-1/command/door-sakura/more",
        "genkan/TYO/gate/Gate-1/status",
        "genkan/tyo/gate/gate-1/status",
        "genkan/TYO/kettle/gate-1/status",
        "genkan/TYO/gate/gate-1/unheard",
        "genkan/TYO/gate/+/status",
        "genkan/TYO/gate/gate-1/#",
        "other/TYO/gate/gate-1/status",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedTopicError):
        topics.parse(text)


def test_one_subject_of_all_devices_of_a_kind_has_a_filter() -> None:
    state = topics.build(SITE, Kind.CONTROLLER, DOOR, Subject.STATE)

    assert matches(topics.of_all(SITE, Kind.CONTROLLER, Subject.STATE), state)
    assert matches(topics.of_all(None, Kind.CONTROLLER, Subject.STATE), state)
    assert not matches(topics.of_all(SITE, Kind.CONTROLLER, Subject.EVENT), state)
