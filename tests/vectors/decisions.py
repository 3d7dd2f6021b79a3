"""The vectors of decisions: what stands before a reader, what is given there, and what must come of it.

Each case tells what differs from the plain one: a clock that is trusted, knowledge that is fresh, an access
point that admits every class, nothing remembered, nobody inside.
"""

from datetime import datetime, timedelta
from typing import Any

from access_protocol import credential
from access_protocol.credential import CredentialClass
from access_protocol.ids import SiteCode
from access_protocol.keys import SigningKey
from tests.vectors import stage
from tests.vectors.stage import (
    FORGER,
    HOLDER,
    HOUR,
    ISSUER,
    NOON,
    OTHER_HOLDER,
    VISITOR,
    claims,
    credentials,
)

_SECOND = timedelta(seconds=1)


def cases() -> list[dict[str, Any]]:
    """Return every case; `reason` is null where access is granted."""
    return [
        *_granted(),
        *_by_the_code(),
        *_by_the_claims(),
        *_by_the_holder(),
        *_by_the_history(),
        *_at_a_poster(),
        *_at_a_machine(),
    ]


def _case(name: str, texts: list[str], reason: str | None, **given: object) -> dict[str, Any]:
    return {"name": name, "texts": texts, "reason": reason, "given": given}


def _granted() -> list[dict[str, Any]]:
    text = _texts()
    full, short = text["bound, full presentation"], text["bound, short presentation"]
    return [
        _case("a static credential", [text["static"]], None),
        _case("a full presentation", [full], None),
        _case("a short presentation of a credential that is held", [short], None, held=True),
        _case("a refreshed credential", [text["refreshed"]], None),
        _case("a poster beside a credential", [text["static"], _POSTER], None),
        _case("30 seconds after it was made", [_shown(NOON - 30 * _SECOND)], None),
        _case("10 seconds before it was made", [_shown(NOON + 10 * _SECOND)], None),
        _case("static, a day offline", [text["static"]], None, knowledge_age_s=86_400),
        _case("bound, three days offline", [full], None, knowledge_age_s=259_200),
        _case(
            "static, issued after the bound one was used",
            [_issued(generation=3)],
            None,
            history={"bound_generation": 2},
        ),
        _case(
            "a second entry under soft anti-passback",
            [full],
            None,
            anti_passback="soft",
            history={"inside": True},
            warning="anti_passback",
        ),
        _case("a permitted operator", [], None, operator_permitted=True),
    ]


def _by_the_code() -> list[dict[str, Any]]:
    text = _texts()
    flipped = bytearray(credentials()["static"])
    flipped[-1] ^= 1
    both = [text["static"], text["bound, full presentation"]]
    return [
        _case("nothing of ours", [_POSTER], "no_code"),
        _case("two credentials", both, "several_codes"),
        _case("a cut text", [text["static"][:-3]], "malformed"),
        _case("only the prefix", ["GK1:"], "malformed"),
        _case("a lower case letter", [text["static"].lower()], "no_code"),
        _case(
            "a short presentation of a credential that is not held",
            [text["bound, short presentation"]],
            "not_held",
        ),
        _case("a forger's key", [_issued(FORGER)], "unknown_key"),
        _case("the last bit flipped", [credential.to_text(bytes(flipped))], "bad_signature"),
    ]


def _by_the_claims() -> list[dict[str, Any]]:
    static, full = _texts()["static"], _texts()["bound, full presentation"]
    return [
        _case("another site", [_issued(site=SiteCode("OSA"))], "wrong_site"),
        _case("never heard the server", [static], "knowledge_stale", knowledge_age_s=None),
        _case("static, over a day offline", [static], "knowledge_stale", knowledge_age_s=86_401),
        _case("bound, over three days offline", [full], "knowledge_stale", knowledge_age_s=259_201),
        _case("a clock not to be trusted", [static], "clock_untrusted", clock_trusted=False),
        _case("too early", [_issued(begins=NOON + _SECOND)], "not_yet_valid"),
        _case("at the end of its time", [_issued(ends=NOON)], "expired"),
        _case("an older generation", [_issued(generation=0)], "revoked"),
        _case("a class not admitted", [static], "class_not_allowed", classes=["bound"]),
        _case(
            "static, once the phone's was used",
            [static],
            "use_phone",
            history={"bound_generation": 2},
        ),
        _case("zones that do not hold this one", [_issued(zones=(1, 3))], "wrong_zone"),
    ]


def _by_the_holder() -> list[dict[str, Any]]:
    bound = credentials()["bound"]
    stolen = credential.present(bound, OTHER_HOLDER, NOON)
    stolen_short = credential.present_short(bound, VISITOR, OTHER_HOLDER, NOON)
    return [
        _case("bound without presentation", [credential.to_text(bound)], "holder_proof_missing"),
        _case("another phone's", [credential.to_text(stolen)], "holder_proof_wrong"),
        _case(
            "another phone's, short",
            [credential.to_text(stolen_short)],
            "holder_proof_wrong",
            held=True,
        ),
        _case("31 seconds old", [_shown(NOON - 31 * _SECOND)], "presentation_out_of_time"),
        _case("11 seconds ahead", [_shown(NOON + 11 * _SECOND)], "presentation_out_of_time"),
    ]


def _by_the_history() -> list[dict[str, Any]]:
    text = _texts()
    static, full = text["static"], text["bound, full presentation"]
    presented = {"presentations": [int(NOON.timestamp())]}
    refreshed = {"presentations": [int((NOON - 20 * _SECOND).timestamp())]}
    inside = {"inside": True}
    return [
        _case("a presentation used before", [full], "already_used", history=presented),
        _case(
            "its short form, used before",
            [text["bound, short presentation"]],
            "already_used",
            held=True,
            history=presented,
        ),
        _case("refreshed, used before", [text["refreshed"]], "already_used", history=refreshed),
        _case("a single entry, spent", [static], "entry_spent", history={"entry_spent": True}),
        _case("inside already", [full], "anti_passback", anti_passback="hard", history=inside),
        _case("a zone that is locked down", [full], "lockdown", locked_down=True),
        _case("an operator without the right", [], "not_permitted", operator_permitted=False),
        _case("a journal that cannot be written", [full], "journal_unavailable", journaled=False),
    ]


def _at_a_poster() -> list[dict[str, Any]]:
    full, refreshed = _texts()["bound, full presentation"], _texts()["refreshed"]
    ways = [["key", "code"], ["approval"]]
    code, both = _poster(["code"], ways), _poster(["position"], [["key", "position"]])
    return [
        _case("a poster: the phone's key and the code", [full], None, poster=code),
        _case("a poster: the phone's key where it hangs", [full], None, poster=both),
        _case("a poster: approved", [refreshed], None, poster=_poster(["approval"], ways)),
        _case("a poster photographed", [full], "presence_missing", poster=_poster([], ways)),
        _case("a poster: no key, though it is said", [refreshed], "presence_missing", poster=code),
        _case(
            "a poster: nothing but a position",
            [refreshed],
            "presence_missing",
            poster=_poster(["position"], [["position"], []]),
        ),
        _case(
            "a poster: a way that nobody chose",
            [full],
            "presence_missing",
            poster=_poster(["code", "approval", "position"], []),
        ),
        _case(
            "a poster: another visitor's pass",
            [full],
            "holder_proof_wrong",
            poster=code | {"bearer": "00" * 16},
        ),
        _case("a poster: a zone locked down", [full], "lockdown", poster=code, locked_down=True),
        _case(
            "a poster: inside, and nothing shown",
            [full],
            "anti_passback",
            poster=_poster([], ways),
            anti_passback="hard",
            history={"inside": True},
        ),
    ]


def _at_a_machine() -> list[dict[str, Any]]:
    voucher, static = _texts()["voucher"], _texts()["static"]
    machine: dict[str, Any] = {"portal": stage.MACHINE, "classes": ["voucher"]}
    ordered = _poster([], [["key"]]) | {"bearer": stage.VOUCHER.hex()}
    late = credential.to_text(credential.issue(stage.voucher(ends=NOON), ISSUER))
    spent = {"voucher_spent": True}
    return [
        _case("a voucher at its machine", [voucher], None, **machine, slot=3),
        _case("a machine's poster: a voucher", [voucher], None, **machine, poster=ordered, slot=3),
        _case(
            "a voucher in a zone of hard anti-passback",
            [voucher],
            None,
            **machine,
            slot=3,
            anti_passback="hard",
            history={"inside": True},
        ),
        _case(
            "a voucher at another machine",
            [voucher],
            "wrong_machine",
            portal="drinks-2",
            classes=["voucher"],
        ),
        _case("a voucher used before", [voucher], "voucher_spent", **machine, history=spent),
        _case("a voucher after its end", [late], "expired", **machine),
        _case("a voucher at a door", [voucher], "class_not_allowed"),
        _case("a pass at a machine", [static], "class_not_allowed", **machine),
        _case("a voucher while locked down", [voucher], "lockdown", **machine, locked_down=True),
    ]


def _poster(shown: list[str], ways: list[list[str]]) -> dict[str, Any]:
    """Add that the asker says the key was shown: it must count for nothing."""
    return {"shown": ["key", *shown], "ways": ways}


_POSTER = "https://genkan.example/e/1"


def _texts() -> dict[str, str]:
    return {name: credential.to_text(message) for name, message in credentials().items()}


def _shown(at: datetime) -> str:
    return credential.to_text(credential.present(credentials()["bound"], HOLDER, at))


def _issued(
    key: SigningKey = ISSUER,
    *,
    site: SiteCode | None = None,
    begins: datetime = NOON - HOUR,
    ends: datetime = NOON + HOUR,
    generation: int = 1,
    zones: tuple[int, ...] = (1, 2, 3),
) -> str:
    changed = claims(
        CredentialClass.STATIC,
        site=site or SiteCode("TYO"),
        begins=begins,
        ends=ends,
        generation=generation,
        zones=zones,
    )
    return credential.to_text(credential.issue(changed, key))
