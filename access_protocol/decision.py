"""What a decision is: granted, or denied for one reason of the one closed list."""

from dataclasses import dataclass
from enum import StrEnum

from access_protocol.credential import CredentialClass
from access_protocol.ids import CredentialId


class DenyReason(StrEnum):
    """Why an access was denied, in the order in which `rules.decide` looks.

    Every screen, log, ledger row and test uses these names; `wording` has the sentence for people.
    """

    NO_CODE = "no_code"
    SEVERAL_CODES = "several_codes"
    MALFORMED = "malformed"
    NOT_HELD = "not_held"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_SITE = "wrong_site"
    NOT_PERMITTED = "not_permitted"
    KNOWLEDGE_STALE = "knowledge_stale"
    CLOCK_UNTRUSTED = "clock_untrusted"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CLASS_NOT_ALLOWED = "class_not_allowed"
    USE_PHONE = "use_phone"
    WRONG_ZONE = "wrong_zone"
    WRONG_MACHINE = "wrong_machine"
    HOLDER_PROOF_MISSING = "holder_proof_missing"
    HOLDER_PROOF_WRONG = "holder_proof_wrong"
    PRESENTATION_OUT_OF_TIME = "presentation_out_of_time"
    ALREADY_USED = "already_used"
    ENTRY_SPENT = "entry_spent"
    VOUCHER_SPENT = "voucher_spent"
    ANTI_PASSBACK = "anti_passback"
    PRESENCE_MISSING = "presence_missing"
    LOCKDOWN = "lockdown"
    JOURNAL_UNAVAILABLE = "journal_unavailable"


class DecisionWarning(StrEnum):
    """What was noticed about an access that was granted all the same."""

    ANTI_PASSBACK = "anti_passback"


class CommandRefusal(StrEnum):
    """Why a controller did not obey a command, in the order in which it looks."""

    RETAINED = "retained"
    MALFORMED = "malformed"
    UNKNOWN_SENDER = "unknown_sender"
    BAD_SIGNATURE = "bad_signature"
    OTHER_CONTROLLER = "other_controller"
    NO_NONCE = "no_nonce"
    NONCE_WRONG = "nonce_wrong"
    NONCE_EXPIRED = "nonce_expired"
    ACTION_NOT_ALLOWED = "action_not_allowed"
    LOCKED_DOWN = "locked_down"
    SLOT_UNKNOWN = "slot_unknown"
    OUT_OF_ORDER = "out_of_order"
    SLOT_EMPTY = "slot_empty"
    BUSY = "busy"
    RELAY_LIMIT = "relay_limit"


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """The answer of `rules.decide`; `reason` is None exactly when access is granted.

    `credential_id` and `credential_class` are set only once an issuer's signature vouched for them.
    `presented_at` is the time (Unix seconds) that tells one presentation from the next, where the
    class has one: inside a holder's proof, or when a refreshed credential was issued. `slot` is what
    the machine is to give out, exactly for a voucher.
    """

    reason: DenyReason | None
    credential_id: CredentialId | None = None
    credential_class: CredentialClass | None = None
    generation: int | None = None
    presented_at: int | None = None
    warning: DecisionWarning | None = None
    slot: int | None = None

    @property
    def granted(self) -> bool:
        """Whether the door may be opened."""
        return self.reason is None
