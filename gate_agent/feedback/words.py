"""What a gate says beside the refusals, in Japanese, English and Chinese.

The sentences of the refusals stand in `access_protocol.wording`, because the panel shows them too.
"""

from datetime import timedelta
from enum import StrEnum

from access_protocol.events import Outcome
from access_protocol.wording import Language
from gate_agent.feedback.base import Enrolling, Serving


class Phrase(StrEnum):
    """Everything else that a gate says to people."""

    IDLE = "idle"
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
    WELCOME = "welcome"
    NOT_ADMITTED = "not_admitted"
    HOLD_CODE = "hold_code"
    ENROLLING = "enrolling"
    ENROLLED = "enrolled"
    CODE_REFUSED = "code_refused"
    OFFLINE_MARK = "offline_mark"
    CLOCK_MARK = "clock_mark"
    ENTRANCE = "entrance"
    NO_CODE_MARK = "no_code_mark"
    NEVER_HEARD = "never_heard"
    MACHINE_IDLE = "machine_idle"
    MACHINE_ENTRANCE = "machine_entrance"
    ORDERED = "ordered"
    COMING = "coming"
    GIVEN = "given"
    SOLD_OUT = "sold_out"
    NOT_GIVEN = "not_given"
    MACHINE_BUSY = "machine_busy"
    MACHINE_SILENT = "machine_silent"
    NO_DRINK = "no_drink"
    NOT_THIS_CODE = "not_this_code"


_EN = {
    Phrase.IDLE: "Please hold your pass before the camera.",
    Phrase.READING: "Reading your pass.",
    Phrase.HOLD_STILL: "Please hold still.",
    Phrase.WAIT: "Please wait a moment, then show your pass again.",
    Phrase.GRANTED: "Welcome. One moment, please.",
    Phrase.UNLOCKED: "Please go through.",
    Phrase.OPENED: "The door is open.",
    Phrase.PASSED: "Thank you.",
    Phrase.NOT_PASSED: "Nobody passed. Please show your pass again when you are ready.",
    Phrase.NO_ANSWER: "The door does not answer. Please show your pass again, or call your host.",
    Phrase.REFUSED_BY_DOOR: "The door did not open. Please show your pass again, or call your host.",
    Phrase.OFFLINE: "Offline: this gate decides by what it last heard.",
    Phrase.ONLINE: "Online again.",
    Phrase.TROUBLE: "Out of order. Please call your host",
    Phrase.TROUBLE_OVER: "Working again",
    Phrase.WELCOME: "Welcome",
    Phrase.NOT_ADMITTED: "Not admitted",
    Phrase.HOLD_CODE: "Hold the enrolment code before me.",
    Phrase.ENROLLING: "One moment. This gate is being set up.",
    Phrase.ENROLLED: "This gate is set up.",
    Phrase.CODE_REFUSED: "This enrolment code did not work. Please make a new one on the panel.",
    Phrase.OFFLINE_MARK: "Offline",
    Phrase.CLOCK_MARK: "Time not known",
    Phrase.ENTRANCE: "Show your pass to the camera, or scan this code.",
    Phrase.NO_CODE_MARK: "No entrance code",
    Phrase.NEVER_HEARD: "Nothing heard yet",
    Phrase.MACHINE_IDLE: "Please show the code of your drink.",
    Phrase.MACHINE_ENTRANCE: "Show the code of your drink, or scan this code.",
    Phrase.ORDERED: "Thank you. One moment, please.",
    Phrase.COMING: "Your drink is coming.",
    Phrase.GIVEN: "Here you are. Please enjoy your drink.",
    Phrase.SOLD_OUT: "Sold out. Please choose another one on your phone.",
    Phrase.NOT_GIVEN: "Your drink did not come. Please choose again on your phone.",
    Phrase.MACHINE_BUSY: "Another drink is on its way. Please show your code again in a moment.",
    Phrase.MACHINE_SILENT: "The machine does not answer. Please show your code again, or call your host.",
    Phrase.NO_DRINK: "No drink yet",
    Phrase.NOT_THIS_CODE: "Another code, please",
}
_JA = {
    Phrase.IDLE: "入館証をカメラにかざしてください。",
    Phrase.READING: "入館証を読み取っています。",
    Phrase.HOLD_STILL: "そのまま動かさずにお待ちください。",
    Phrase.WAIT: "少々待ってから、もう一度かざしてください。",
    Phrase.GRANTED: "ようこそ。少々お待ちください。",
    Phrase.UNLOCKED: "どうぞお通りください。",
    Phrase.OPENED: "ドアが開きました。",
    Phrase.PASSED: "ありがとうございました。",
    Phrase.NOT_PASSED: "通過が確認できませんでした。準備ができたらもう一度かざしてください。",
    Phrase.NO_ANSWER: "ドアが応答しません。もう一度かざすか、担当者にご連絡ください。",
    Phrase.REFUSED_BY_DOOR: "ドアが開きませんでした。もう一度かざすか、担当者にご連絡ください。",
    Phrase.OFFLINE: "オフラインです。最後に受け取った情報で判定しています。",
    Phrase.ONLINE: "通信が回復しました。",
    Phrase.TROUBLE: "ただいま使用できません。担当者にご連絡ください",
    Phrase.TROUBLE_OVER: "使用できるようになりました",
    Phrase.WELCOME: "ようこそ",
    Phrase.NOT_ADMITTED: "お通しできません",
    Phrase.HOLD_CODE: "登録コードをカメラにかざしてください。",
    Phrase.ENROLLING: "少々お待ちください。このゲートを設定しています。",
    Phrase.ENROLLED: "このゲートの設定が完了しました。",
    Phrase.CODE_REFUSED: "この登録コードは使えませんでした。管理画面で新しいコードを発行してください。",
    Phrase.OFFLINE_MARK: "オフライン",
    Phrase.CLOCK_MARK: "時刻未確認",
    Phrase.ENTRANCE: "入館証をかざすか、このコードを読み取ってください。",
    Phrase.NO_CODE_MARK: "入口コードなし",
    Phrase.NEVER_HEARD: "情報未受信",
    Phrase.MACHINE_IDLE: "ドリンクのコードをかざしてください。",
    Phrase.MACHINE_ENTRANCE: "ドリンクのコードをかざすか、このコードを読み取ってください。",
    Phrase.ORDERED: "ありがとうございます。少々お待ちください。",
    Phrase.COMING: "ドリンクをご用意しています。",
    Phrase.GIVEN: "お待たせしました。どうぞお召し上がりください。",
    Phrase.SOLD_OUT: "売り切れです。スマートフォンで別のドリンクをお選びください。",
    Phrase.NOT_GIVEN: "ドリンクが出ませんでした。スマートフォンでもう一度お選びください。",
    Phrase.MACHINE_BUSY: "別のドリンクをご用意しています。少し待ってから、もう一度かざしてください。",
    Phrase.MACHINE_SILENT: "自動販売機が応答しません。もう一度かざすか、担当者にご連絡ください。",
    Phrase.NO_DRINK: "お出しできません",
    Phrase.NOT_THIS_CODE: "別のコードをお願いします",
}
_ZH = {
    Phrase.IDLE: "请将通行码对准摄像头。",
    Phrase.READING: "正在读取通行码。",
    Phrase.HOLD_STILL: "请保持不动。",
    Phrase.WAIT: "请稍候，然后再次出示通行码。",
    Phrase.GRANTED: "欢迎光临。请稍候。",
    Phrase.UNLOCKED: "请通行。",
    Phrase.OPENED: "门已打开。",
    Phrase.PASSED: "谢谢。",
    Phrase.NOT_PASSED: "没有人通过。准备好后请再次出示通行码。",
    Phrase.NO_ANSWER: "门没有应答。请再次出示通行码，或联系接待人。",
    Phrase.REFUSED_BY_DOOR: "门没有打开。请再次出示通行码，或联系接待人。",
    Phrase.OFFLINE: "离线：闸机按最后收到的信息判断。",
    Phrase.ONLINE: "已恢复在线。",
    Phrase.TROUBLE: "暂时无法使用，请联系接待人",
    Phrase.TROUBLE_OVER: "已恢复使用",
    Phrase.WELCOME: "欢迎光临",
    Phrase.NOT_ADMITTED: "不能通行",
    Phrase.HOLD_CODE: "请将登记码对准摄像头。",
    Phrase.ENROLLING: "请稍候，正在设置此闸机。",
    Phrase.ENROLLED: "此闸机已设置完成。",
    Phrase.CODE_REFUSED: "此登记码无法使用。请在管理页面生成新的登记码。",
    Phrase.OFFLINE_MARK: "离线",
    Phrase.CLOCK_MARK: "时间未确认",
    Phrase.ENTRANCE: "请出示通行码，或扫描此码。",
    Phrase.NO_CODE_MARK: "暂无入口码",
    Phrase.NEVER_HEARD: "尚未收到信息",
    Phrase.MACHINE_IDLE: "请出示饮料二维码。",
    Phrase.MACHINE_ENTRANCE: "请出示饮料二维码，或扫描此码。",
    Phrase.ORDERED: "谢谢。请稍候。",
    Phrase.COMING: "饮料正在出货。",
    Phrase.GIVEN: "饮料已出货。请慢用。",
    Phrase.SOLD_OUT: "已售罄。请在手机上选择其他饮料。",
    Phrase.NOT_GIVEN: "饮料未能出货。请在手机上重新选择。",
    Phrase.MACHINE_BUSY: "正在为其他人出货。请稍后再次出示二维码。",
    Phrase.MACHINE_SILENT: "售货机没有应答。请再次出示二维码，或联系接待人。",
    Phrase.NO_DRINK: "暂时无法出货",
    Phrase.NOT_THIS_CODE: "请出示另一个码",
}
_PHRASES = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}
_OF_OUTCOME = {
    Outcome.OPENED: Phrase.OPENED,
    Outcome.PASSED: Phrase.PASSED,
    Outcome.NOT_PASSED: Phrase.NOT_PASSED,
    Outcome.NO_ANSWER: Phrase.NO_ANSWER,
    Outcome.REFUSED: Phrase.REFUSED_BY_DOOR,
    Outcome.DISPENSED: Phrase.GIVEN,
    Outcome.NOT_DISPENSED: Phrase.NOT_GIVEN,
}
OF_SERVING = {
    Serving.COMING: Phrase.COMING,
    Serving.GIVEN: Phrase.GIVEN,
    Serving.SOLD_OUT: Phrase.SOLD_OUT,
    Serving.NOT_GIVEN: Phrase.NOT_GIVEN,
    Serving.BUSY: Phrase.MACHINE_BUSY,
    Serving.NO_ANSWER: Phrase.MACHINE_SILENT,
}


_AGO = {
    Language.EN: ("{} min ago", "{} h ago", "{} days ago"),
    Language.JA: ("{}分前の情報", "{}時間前の情報", "{}日前の情報"),
    Language.ZH: ("{}分钟前的信息", "{}小时前的信息", "{}天前的信息"),
}
_HOURS_FROM = timedelta(hours=1)
_DAYS_FROM = timedelta(days=2)


OF_STEP = {
    Enrolling.HOLD_CODE: Phrase.HOLD_CODE,
    Enrolling.WORKING: Phrase.ENROLLING,
    Enrolling.CODE_REFUSED: Phrase.CODE_REFUSED,
    Enrolling.DONE: Phrase.ENROLLED,
}


def say_age(age: timedelta | None, language: Language) -> str:
    """Return how old the gate's knowledge is, in whole minutes, hours or days."""
    if age is None:
        return say(Phrase.NEVER_HEARD, language)
    minutes, hours, days = _AGO[language]
    if age < _HOURS_FROM:
        return minutes.format(age // timedelta(minutes=1))
    if age < _DAYS_FROM:
        return hours.format(age // timedelta(hours=1))
    return days.format(age.days)


def say(phrase: Phrase, language: Language) -> str:
    """Return the phrase in a language."""
    return _PHRASES[language][phrase]


def say_outcome(outcome: Outcome, language: Language) -> str:
    """Return what a person reads when the controller reported this."""
    return say(_OF_OUTCOME[outcome], language)
