"""The controller's side of asking and commanding: nonces, whose word counts, and every refusal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest

from access_protocol.commands import (
    NONCE_LIFE,
    Acknowledgement,
    Action,
    Command,
    MalformedCommandError,
    Result,
    open_command,
)
from access_protocol.decision import CommandRefusal
from access_protocol.ids import NONCE_BYTES, DeviceId, EventId, Nonce
from access_protocol.knowledge import Obeyed
from access_protocol.signed import BadSignatureError, MalformedEnvelopeError, UnknownKeyError

_NO_NONCE, _NONCE_WRONG = CommandRefusal.NO_NONCE, CommandRefusal.NONCE_WRONG

RandomBytes = Callable[[int], bytes]
"""Returns so many bytes that nobody can foretell."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to acknowledge, and the command to carry out first, where there is one."""

    acknowledgement: Acknowledgement
    command: Command | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Given:
    nonce: Nonce
    event: EventId
    until: timedelta


class _Unreadable(Exception):
    def __init__(self, refusal: CommandRefusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Conversation:
    """Whom the controller obeys, the nonces it gave out, and its last word to each sender.

    All of it is in memory and bounded by the key list: one nonce and one word per sender.
    """

    def __init__(
        self,
        controller: DeviceId,
        actions: frozenset[Action],
        now: Callable[[], timedelta],
        random_bytes: RandomBytes,
    ) -> None:
        """Obey nobody yet; `actions` are those that the portal can carry out at all."""
        self._controller = controller
        self._actions = actions
        self._now = now
        self._random_bytes = random_bytes
        self._obeyed: dict[DeviceId, tuple[Obeyed, ...]] = {}
        self._given: dict[DeviceId, _Given] = {}
        self._last_word: dict[DeviceId, Acknowledgement] = {}

    def obey(self, key_list: Iterable[Obeyed]) -> None:
        """Obey these keys and no others; who is not among them loses the nonce it may hold."""
        self._obeyed = {}
        for one in key_list:
            self._obeyed[one.sender] = (*self._obeyed.get(one.sender, ()), one)
        for sender in self._given.keys() - self._obeyed.keys():
            del self._given[sender]
        for sender in self._last_word.keys() - self._obeyed.keys():
            del self._last_word[sender]

    def answer(self, sender: DeviceId, event: EventId) -> Nonce | None:
        """Return a nonce for the sender alone; None where the sender is not obeyed.

        An ask that comes twice gets the same nonce twice: its answer may already be in use.
        """
        if sender not in self._obeyed:
            return None
        given = self._given.get(sender)
        if given is None or given.event != event or self._now() >= given.until:
            nonce = Nonce(self._random_bytes(NONCE_BYTES))
            given = _Given(nonce, event, self._now() + NONCE_LIFE)
            self._given[sender] = given
        return given.nonce

    def judge(
        self,
        sender: DeviceId,
        message: bytes,
        *,
        retained: bool,
        hindrance: Callable[[Command], CommandRefusal | None],
    ) -> Verdict:
        """Say what becomes of a message on the sender's command topic.

        `hindrance` says why a command that is to be obeyed cannot be carried out now; it is asked last.
        The nonce is gone when this returns a command, before anything moves.
        """
        if retained:
            return _refused(None, CommandRefusal.RETAINED)
        try:
            command, allowed = self._verified(sender, message)
        except _Unreadable as unreadable:
            return _refused(None, unreadable.refusal)
        if command.controller != self._controller:
            return _refused(command, CommandRefusal.OTHER_CONTROLLER)
        last_word = self._last_word.get(sender)
        if last_word is not None and last_word.event == command.event:
            return Verdict(last_word, repeated=True)
        given = self._given.get(sender)
        if given is None or not compare_digest(given.nonce, command.nonce):
            return _refused(command, _NO_NONCE if given is None else _NONCE_WRONG)
        # Gone before anything moves; a command that did not carry it has left it standing.
        del self._given[sender]
        verdict = self._decided(command, given, allowed, hindrance)
        # Only a command that spent a nonce is the sender's last one: a replayed older command must
        # not displace the word that answers duplicates of the true one.
        self._last_word[sender] = verdict.acknowledgement
        return verdict

    def _verified(self, sender: DeviceId, message: bytes) -> tuple[Command, frozenset[Action]]:
        obeyed = self._obeyed.get(sender, ())
        try:
            if not obeyed:
                open_command(message, ())
            for one in obeyed:
                try:
                    return open_command(message, (one.public,)), one.actions
                except BadSignatureError:
                    continue  # a sender may have two keys while they rotate, each for its actions
        except (MalformedEnvelopeError, MalformedCommandError) as error:
            raise _Unreadable(CommandRefusal.MALFORMED) from error
        except UnknownKeyError as error:
            raise _Unreadable(CommandRefusal.UNKNOWN_SENDER) from error
        raise _Unreadable(CommandRefusal.BAD_SIGNATURE)

    def _decided(
        self,
        command: Command,
        given: _Given,
        allowed: frozenset[Action],
        hindrance: Callable[[Command], CommandRefusal | None],
    ) -> Verdict:
        if self._now() >= given.until:
            return _refused(command, CommandRefusal.NONCE_EXPIRED)
        if command.action not in allowed & self._actions:
            return _refused(command, CommandRefusal.ACTION_NOT_ALLOWED)
        hindered_by = hindrance(command)
        if hindered_by is not None:
            return _refused(command, hindered_by)
        return Verdict(Acknowledgement(event=command.event, result=Result.DONE), command)


def _refused(command: Command | None, refusal: CommandRefusal) -> Verdict:
    event = None if command is None else command.event
    return Verdict(Acknowledgement(event=event, result=Result.REFUSED, refusal=refusal))
