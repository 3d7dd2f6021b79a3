"""A gate at noon that knows everything, for tests of what is granted; a test changes what it is about."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from access_protocol import credential
from access_protocol.credential import Credential, CredentialClass
from access_protocol.decision import AccessDecision
from access_protocol.ids import CredentialId
from access_protocol.knowledge import AccessPoint, Policy, ZonePolicy
from access_protocol.presence import Presence, Ways
from access_protocol.rules import Circumstances, CodePresented, PosterScanned, Request, decide
from tests.fakes.knowledge import FakeHistory, FakeKnowledge
from tests.vectors import stage


@dataclass
class Scene:
    """A gate at noon that knows everything; a test changes what it is about."""

    credential: Credential = field(default_factory=stage.claims)
    point: AccessPoint = stage.POINT
    policy: Policy = stage.POLICY
    history: FakeHistory = field(default_factory=FakeHistory)
    circumstances: Circumstances = field(
        default_factory=lambda: Circumstances(
            stage.NOON, clock_trusted=True, knowledge_age=timedelta()
        )
    )
    lowest: int = 0
    held: dict[CredentialId, bytes] = field(default_factory=dict[CredentialId, bytes])

    def say_of_the_zone(self, zone: ZonePolicy) -> None:
        self.policy = replace(self.policy, zones={self.point.zone: zone})

    def decide(self, *texts: str) -> AccessDecision:
        return self.asked(CodePresented(texts or (self.text(),)))

    def scan(self, shown: frozenset[Presence], ways: Ways, *texts: str) -> AccessDecision:
        """Decide about a poster that this visitor's phone scanned."""
        bearer = self.credential.id
        return self.asked(PosterScanned(texts or (self.text(),), bearer, shown, ways))

    def asked(self, request: Request) -> AccessDecision:
        lowest = {stage.VISITOR: self.lowest}
        known = FakeKnowledge(stage.SITE, self.policy, stage.RING, lowest, self.held)
        return decide(request, self.point, known, self.history, self.circumstances)

    def text(self) -> str:
        message = credential.issue(self.credential, stage.ISSUER)
        if self.credential.credential_class is CredentialClass.BOUND:
            message = credential.present(message, stage.HOLDER, self.circumstances.now)
        return credential.to_text(message)
