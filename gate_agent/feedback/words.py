"""What a gate says beside the refusals, in Japanese, English and Chinese.

The sentences of the refusals stand in `access_protocol.wording`, because the panel shows them too.
"""

from enum import StrEnum

from access_protocol.events import Outcome
from access_protocol.wording import Language


class Phrase(StrEnum):
    """Everything else that a gate says to people."""

    READING = "reading"
    HOLD_STILL = "hold_still"
    WAIT = "wait"
    GRANTED = "granted"
    UNLOCKED = "unlocked"
    OPENED = "opened"
    PASSED = "passed"
    NOT_PASSED = "not_passed"
    NO_ANSWER = "no_answer"
    REFUSED_BY_DOOR = "refused_by_door"
    OFFLINE = "offline"
    ONLINE = "online"
    TROUBLE = "trouble"
    TROUBLE_OVER = "trouble_over"


_EN = {
    Phrase.READING: "Reading your pass.",
    Phrase.HOLD_STILL: "Please hold still.",
    Phrase.WAIT: "Please wait a moment, then show your pass again.",
    Phrase.GRANTED: "Welcome. One moment, please.",
    Phrase.UNLOCKED: "Please come in.",
    Phrase.OPENED: "The door is open.",
    Phrase.PASSED: "Thank you.",
    Phrase.NOT_PASSED: "Nobody passed. Please show your pass again when you are ready.",
    Phrase.NO_ANSWER: "The door does not answer. Please show your pass again, or call your host.",
    Phrase.REFUSED_BY_DOOR: "The door did not open. Please show your pass again, or call your host.",
    Phrase.OFFLINE: "Offline: this gate decides by what it last heard.",
    Phrase.ONLINE: "Online again.",
    Phrase.TROUBLE: "Out of order. Please call your host",
    Phrase.TROUBLE_OVER: "Working again",
}
_JA = {
    Phrase.READING: "入館証を読み取っています。",
    Phrase.HOLD_STILL: "そのまま動かさずにお待ちください。",
    Phrase.WAIT: "少々お待ちいただいてから、もう一度かざしてください。",
    Phrase.GRANTED: "ようこそ。少々お待ちください。",
    Phrase.UNLOCKED: "どうぞお入りください。",
    Phrase.OPENED: "ドアが開きました。",
    Phrase.PASSED: "ありがとうございました。",
    Phrase.NOT_PASSED: "通過が確認できませんでした。準備ができたらもう一度かざしてください。",
    Phrase.NO_ANSWER: "ドアが応答しません。もう一度かざすか、担当者にご連絡ください。",
    Phrase.REFUSED_BY_DOOR: "ドアが開きませんでした。もう一度かざすか、担当者にご連絡ください。",
    Phrase.OFFLINE: "オフラインです。最後に受け取った情報で判定しています。",
    Phrase.ONLINE: "通信が回復しました。",
    Phrase.TROUBLE: "ただいま使用できません。担当者にご連絡ください",
    Phrase.TROUBLE_OVER: "使用できるようになりました",
}
_ZH = {
    Phrase.READING: "正在读取通行码。",
    Phrase.HOLD_STILL: "请保持不动。",
    Phrase.WAIT: "请稍候，然后再次出示通行码。",
    Phrase.GRANTED: "欢迎光临，请稍候。",
    Phrase.UNLOCKED: "请进。",
    Phrase.OPENED: "门已打开。",
    Phrase.PASSED: "谢谢。",
    Phrase.NOT_PASSED: "没有人通过。准备好后请再次出示通行码。",
    Phrase.NO_ANSWER: "门没有应答。请再次出示通行码，或致电接待您的人员。",
    Phrase.REFUSED_BY_DOOR: "门没有打开。请再次出示通行码，或致电接待您的人员。",
    Phrase.OFFLINE: "离线：闸机按最后收到的信息判断。",
    Phrase.ONLINE: "已恢复在线。",
    Phrase.TROUBLE: "暂时无法使用，请致电接待您的人员",
    Phrase.TROUBLE_OVER: "已恢复使用",
}
_PHRASES = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}
_OF_OUTCOME = {
    Outcome.OPENED: Phrase.OPENED,
    Outcome.PASSED: Phrase.PASSED,
    Outcome.NOT_PASSED: Phrase.NOT_PASSED,
    Outcome.NO_ANSWER: Phrase.NO_ANSWER,
    Outcome.REFUSED: Phrase.REFUSED_BY_DOOR,
}


def say(phrase: Phrase, language: Language) -> str:
    """Return the phrase in a language."""
    return _PHRASES[language][phrase]


def say_outcome(outcome: Outcome, language: Language) -> str:
    """Return what a person reads when the controller reported this."""
    return say(_OF_OUTCOME[outcome], language)
