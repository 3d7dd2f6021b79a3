"""What a curious visitor tries at a poster: using a yes more often than it was meant."""

import threading
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import credential
from access_protocol.keys import HolderKey
from server.access.models import CommandState
from server.arrivals import check_in
from server.arrivals.check_in import Evidence
from server.credentials import actions as credentials
from server.kernel.ids import VisitorId
from server.kernel.principal import Principal
from server.kernel.work import Work
from server.visits import models as visit_models
from server.visits.models import Visit, Visitor
from tests.contract.test_posters import ask_for, commands
from tests.fakes.reception import MAIN_GATE, Reception


def test_two_taps_at_once_use_one_yes_once(reception: Reception) -> None:
    ask_for(reception, ["approval"])
    visit = reception.invite(starts_at=reception.clock.now() + timedelta(minutes=5))
    (guest,) = reception.guests_of(visit)
    who = Principal.for_visitor(guest.id)
    with reception.office.begin(who) as work:
        asked = check_in.ask_approval(work, *_of(work, guest.id), MAIN_GATE)
    with reception.work() as work:
        check_in.approve_entry(work, asked.id)
    found, barrier = list[CommandState](), threading.Barrier(4)

    def tap(shown: Evidence) -> None:
        barrier.wait(timeout=60)
        with reception.office.begin(who) as work:
            found.append(check_in.enter(work, *_of(work, guest.id), MAIN_GATE, shown).state)

    # Each is signed at another second, so that no tap is the same as another.
    key, now = ec.generate_private_key(ec.SECP256R1()), reception.clock.now()
    with reception.office.begin(who) as work:
        bound = credentials.bind(work, guest.id, HolderKey.of(key.public_key())).message
    times = [now + timedelta(seconds=second) for second in range(4)]
    texts = [credential.to_text(credential.present(bound, key, each)) for each in times]
    threads = [threading.Thread(target=tap, args=[Evidence((each,))]) for each in texts]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=120)

    assert len(found) == 4
    granted = [each for each in commands(reception) if each.state is not CommandState.DENIED]
    assert len(granted) == 1


def _of(work: Work, visitor: VisitorId) -> tuple[Visit, Visitor]:
    found = visit_models.with_visitor(work.session, visitor)
    assert found is not None
    return found
