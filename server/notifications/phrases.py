"""How a notice is worded for its reader, in the three languages; written once, here.

`details` may hold: name (the visitor's), company, title (the visit's), site, place (a door or room), minutes (until
they come), host (whose visit it is, for a deputy). What a wording needs and is not there, is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from access_protocol.wording import Language
from server.kernel.text import on_one_line
from server.notifications.kinds import NoticeKind

LONGEST = 100
"""Characters of one detail: all of them together fit into one push."""


@dataclass(frozen=True)
class Worded:
    """What a reader sees."""

    title: str
    body: str


@dataclass(frozen=True)
class _Phrase:
    title: str
    hidden: str
    """The title where names are hidden."""
    body: tuple[str, ...] = ()
    """Sentences, each shown where all that it names is known."""


_HIDDEN = frozenset({"name", "company", "title", "host"})


def word(
    kind: NoticeKind, language: Language, details: Mapping[str, str], *, hide_names: bool = False
) -> Worded:
    """Return title and body of a notice."""
    phrase = _PHRASES[Language(language)][NoticeKind(kind)]
    known = {key: on_one_line(value)[:LONGEST] for key, value in details.items() if value.strip()}
    if hide_names:
        known = {key: value for key, value in known.items() if key not in _HIDDEN}
    title = phrase.title if _named(phrase.title) <= known.keys() else phrase.hidden
    sentences = (*phrase.body, _FOR_HOST[Language(language)])
    body = [each.format_map(known) for each in sentences if _named(each) <= known.keys()]
    space = " " if language == Language.EN else ""
    return Worded(title.format_map(known), space.join(body))


def _named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


_FOR_HOST = {
    Language.EN: "You stand in for {host}.",
    Language.JA: "{host}さんの代理としてお知らせしています。",
    Language.ZH: "您正在代理{host}。",
}

_EN = {
    NoticeKind.APPROACHING: _Phrase(
        "{name} is on the way",
        "Your visitor is on the way",
        ("Expected in about {minutes} minutes.", "Visit: {title}."),
    ),
    NoticeKind.NEAR: _Phrase(
        "{name} is nearby",
        "Your visitor is nearby",
        ("At the entrance in about {minutes} minutes.", "Visit: {title}."),
    ),
    NoticeKind.ARRIVED: _Phrase(
        "{name} has arrived", "Your visitor has arrived", ("At {place}.", "Visit: {title}.")
    ),
    NoticeKind.WALK_IN: _Phrase(
        "{name} is at the entrance without an invitation",
        "Somebody is at the entrance without an invitation",
        ("From {company}.", "At {place}.", "Please let them in, or decline."),
    ),
    NoticeKind.APPROVAL_ASKED: _Phrase(
        "{name} asks to be let in",
        "Your visitor asks to be let in",
        ("At {place}.", "The door opens when you say so."),
    ),
    NoticeKind.CHANGE_WISHED: _Phrase(
        "{name} asks for another time", "A visitor asks for another time", ("Visit: {title}.",)
    ),
    NoticeKind.DECLINED: _Phrase(
        "{name} cannot come", "A visitor cannot come", ("Visit: {title}.",)
    ),
    NoticeKind.COMPANIONS: _Phrase(
        "{name} would like to bring somebody",
        "A visitor would like to bring somebody",
        ("Visit: {title}.",),
    ),
    NoticeKind.PHONE_MOVED: _Phrase(
        "{name} uses another phone now",
        "A visitor uses another phone now",
        ("If you did not expect this, please ask them.",),
    ),
    NoticeKind.IN_ROOM: _Phrase(
        "{name} is in {place}", "Your visitor is in the meeting room", ("Visit: {title}.",)
    ),
    NoticeKind.NO_SHOW: _Phrase(
        "{name} has not come", "A visitor has not come", ("Visit: {title}.",)
    ),
    NoticeKind.COMMENT: _Phrase(
        "A visitor wrote how it was",
        "A visitor wrote how it was",
        ("Score: {score} of 5.", "At {site}.", "You can answer them."),
    ),
    NoticeKind.LOW_SCORE: _Phrase(
        "A visitor was not content",
        "A visitor was not content",
        ("Score: {score} of 5.", "At {site}.", "Please have a look soon."),
    ),
    NoticeKind.CALL: _Phrase("{name} is calling you", "A visitor is calling you"),
    NoticeKind.MESSAGE: _Phrase("New message from {name}", "New message from a visitor"),
    NoticeKind.TEST: _Phrase(
        "This is a test", "This is a test", ("News of your visitors will reach you here.",)
    ),
}

_JA = {
    NoticeKind.APPROACHING: _Phrase(
        "{name}様がこちらへ向かっています",
        "お客様がこちらへ向かっています",
        ("あと約{minutes}分で到着の見込みです。", "ご訪問：{title}。"),
    ),
    NoticeKind.NEAR: _Phrase(
        "{name}様が近くまで来ています",
        "お客様が近くまで来ています",
        ("あと約{minutes}分で入口に着く見込みです。", "ご訪問：{title}。"),
    ),
    NoticeKind.ARRIVED: _Phrase(
        "{name}様が到着しました", "お客様が到着しました", ("場所：{place}。", "ご訪問：{title}。")
    ),
    NoticeKind.WALK_IN: _Phrase(
        "ご予約のない{name}様が入口にいらっしゃいます",
        "ご予約のない方が入口にいらっしゃいます",
        ("会社名：{company}。", "場所：{place}。", "入館を許可するか、お断りください。"),
    ),
    NoticeKind.APPROVAL_ASKED: _Phrase(
        "{name}様が入館の許可を待っています",
        "お客様が入館の許可を待っています",
        ("場所：{place}。", "許可するとドアが開きます。"),
    ),
    NoticeKind.CHANGE_WISHED: _Phrase(
        "{name}様が日時の変更を希望しています",
        "お客様が日時の変更を希望しています",
        ("ご訪問：{title}。",),
    ),
    NoticeKind.DECLINED: _Phrase(
        "{name}様は来られなくなりました", "お客様が来られなくなりました", ("ご訪問：{title}。",)
    ),
    NoticeKind.COMPANIONS: _Phrase(
        "{name}様が同行者の追加を希望しています",
        "お客様が同行者の追加を希望しています",
        ("ご訪問：{title}。",),
    ),
    NoticeKind.PHONE_MOVED: _Phrase(
        "{name}様が別のスマートフォンに切り替えました",
        "お客様が別のスマートフォンに切り替えました",
        ("お心当たりがない場合は、ご本人にご確認ください。",),
    ),
    NoticeKind.IN_ROOM: _Phrase(
        "{name}様が{place}に入られました", "お客様が会議室に入られました", ("ご訪問：{title}。",)
    ),
    NoticeKind.NO_SHOW: _Phrase(
        "{name}様はお見えになりませんでした",
        "お見えにならなかったお客様がいます",
        ("ご訪問：{title}。",),
    ),
    NoticeKind.COMMENT: _Phrase(
        "来訪者から感想が届きました",
        "来訪者から感想が届きました",
        ("評価は5点中{score}点です。", "{site}。", "回答することができます。"),
    ),
    NoticeKind.LOW_SCORE: _Phrase(
        "ご満足いただけなかった来訪者がいます",
        "ご満足いただけなかった来訪者がいます",
        ("評価は5点中{score}点です。", "{site}。", "早めにご確認ください。"),
    ),
    NoticeKind.CALL: _Phrase("{name}様からお電話です", "お客様からお電話です"),
    NoticeKind.MESSAGE: _Phrase(
        "{name}様からメッセージが届きました", "お客様からメッセージが届きました"
    ),
    NoticeKind.TEST: _Phrase(
        "これはテストです", "これはテストです", ("お客様に関するお知らせがここに届きます。",)
    ),
}

_ZH = {
    NoticeKind.APPROACHING: _Phrase(
        "{name}正在路上",
        "您的访客正在路上",
        ("预计约{minutes}分钟后到达。", "来访：{title}。"),
    ),
    NoticeKind.NEAR: _Phrase(
        "{name}已到附近",
        "您的访客已到附近",
        ("预计约{minutes}分钟后到达入口。", "来访：{title}。"),
    ),
    NoticeKind.ARRIVED: _Phrase(
        "{name}已到达", "您的访客已到达", ("地点：{place}。", "来访：{title}。")
    ),
    NoticeKind.WALK_IN: _Phrase(
        "没有预约的{name}在入口处",
        "有一位没有预约的访客在入口处",
        ("公司：{company}。", "地点：{place}。", "请允许进入或拒绝。"),
    ),
    NoticeKind.APPROVAL_ASKED: _Phrase(
        "{name}请求进入", "您的访客请求进入", ("地点：{place}。", "您同意后门才会打开。")
    ),
    NoticeKind.CHANGE_WISHED: _Phrase(
        "{name}希望更改时间", "一位访客希望更改时间", ("来访：{title}。",)
    ),
    NoticeKind.DECLINED: _Phrase("{name}不能来访", "一位访客不能来访", ("来访：{title}。",)),
    NoticeKind.COMPANIONS: _Phrase("{name}希望带同伴", "一位访客希望带同伴", ("来访：{title}。",)),
    NoticeKind.PHONE_MOVED: _Phrase(
        "{name}现在使用另一部手机",
        "一位访客现在使用另一部手机",
        ("如非意料之中，请向本人确认。",),
    ),
    NoticeKind.IN_ROOM: _Phrase(
        "{name}已进入{place}", "您的访客已进入会议室", ("来访：{title}。",)
    ),
    NoticeKind.NO_SHOW: _Phrase("{name}没有来", "有访客没有来", ("来访：{title}。",)),
    NoticeKind.COMMENT: _Phrase(
        "一位访客写下了感受",
        "一位访客写下了感受",
        ("评分：{score} 分（满分 5 分）。", "{site}。", "您可以答复。"),
    ),
    NoticeKind.LOW_SCORE: _Phrase(
        "一位访客不太满意",
        "一位访客不太满意",
        ("评分：{score} 分（满分 5 分）。", "{site}。", "请尽快查看。"),
    ),
    NoticeKind.CALL: _Phrase("{name}来电", "一位访客来电"),
    NoticeKind.MESSAGE: _Phrase("{name}发来新消息", "一位访客发来新消息"),
    NoticeKind.TEST: _Phrase("这是一条测试消息", "这是一条测试消息", ("访客的消息会送到这里。",)),
}

_PHRASES = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}
