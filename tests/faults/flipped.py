"""Every signed vector, and what its receiver says of it when it comes with other bytes."""

import json
from collections.abc import Iterator
from datetime import timedelta

from access_protocol import commands, credential, documents
from access_protocol.keys import KeyRing, RingKey
from access_protocol.rules import Circumstances, CodePresented, decide
from tests.fakes.knowledge import FakeHistory, FakeKnowledge
from tests.vectors import controllers, make, stage

_AUTHORITY = KeyRing(
    [RingKey(stage.AUTHORITY.public, stage.NOON - stage.HOUR, stage.NOON + stage.HOUR)]
)
_CIRCUMSTANCES = Circumstances(stage.NOON, clock_trusted=True, knowledge_age=timedelta())
_KNOWN = FakeKnowledge(
    stage.SITE,
    stage.POLICY,
    stage.RING,
    {stage.VISITOR: 1},
    {stage.VISITOR: stage.credentials()["bound"]},
)


def vectors() -> Iterator[tuple[str, bytes]]:
    """Each signed vector in the file by its name."""
    written = json.loads(make.FILE.read_text(encoding="utf-8"))
    for vector in written["credentials"]:
        yield f"credential {vector['name']}", bytes.fromhex(vector["message"])
    for vector in written["documents"]:
        yield f"document {vector['kind']}", bytes.fromhex(vector["message"])
    yield "command", bytes.fromhex(written["command"]["message"])
    yield "command to dispense", bytes.fromhex(written["controllers"]["dispense"])


def refused(name: str, message: bytes) -> bool:
    """Tell whether the one for whom this vector is takes the message for nothing."""
    if "presentation" in name:
        request = CodePresented((credential.to_text(message),))
        decision = decide(request, stage.POINT, _KNOWN, FakeHistory(), _CIRCUMSTANCES)
        return not decision.granted
    try:
        if name.startswith("credential"):
            read = credential.read(credential.to_text(message))
            credential.verify_issuer(read, lambda _hint: [stage.ISSUER.public])
        elif name.startswith("command"):
            commands.open_command(message, (stage.GATE_KEY.public, controllers.SERVER_KEY.public))
        else:
            documents.open_document(
                message,
                _AUTHORITY,
                site=stage.SITE,
                device=stage.CONTROLLER if name.endswith("key_list") else stage.GATE,
                at=stage.NOON,
            )
    except ValueError:
        return True
    return False
