"""Everything that is ever written into a chat or pushed to a visitor's phone, in the three languages.

A text names the site at most. Who comes, to whom, when, and what opens doors, stands on the page that it leads to.
"""

from collections.abc import Mapping
from enum import StrEnum

from access_protocol.wording import Language
from server.notifications.kinds import NewsKind


class Reply(StrEnum):
    """What we answer in the chat itself."""

    JOINED = "joined"
    JOINED_WRITE_FIRST = "joined_write_first"
    """For a messenger that lets us write only once the visitor has written."""
    THANKS = "thanks"
    UNKNOWN_CODE = "unknown_code"
    PASSED_ON = "passed_on"
    """What they wrote is with those who answer; the answer stands on their page."""
    ON_THE_PAGE = "on_the_page"
    """What they sent cannot be taken here: pictures, or too much at once."""
    HOW_TO_JOIN = "how_to_join"


_EN: Mapping[NewsKind | Reply, str] = {
    NewsKind.ANSWERED: "{site}: your host has answered you. Read it on your visit page:",
    NewsKind.CHANGED: "{site}: your visit was changed. See what is new on your visit page:",
    NewsKind.CANCELLED: "{site}: your visit will not take place. More on your visit page:",
    NewsKind.PASS: "{site}: your pass is ready on your visit page:",
    NewsKind.MESSAGE: "{site}: there is a new message for you. Read it on your visit page:",
    NewsKind.DRINK: "{site}: would you like a drink? Choose one on your visit page:",
    Reply.JOINED: (
        "{site}: welcome. News about your visit comes here from now on. Your visit page, with your pass:"
    ),
    Reply.JOINED_WRITE_FIRST: (
        "{site}: welcome. Please send any short message here, so that news about your visit can reach you: "
        "WeChat lets us write only within 48 hours of your last message. Your visit page, with your pass:"
    ),
    Reply.THANKS: "Thank you. News about your visit can reach you here now.",
    Reply.UNKNOWN_CODE: (
        "This code does not count, or not any more. "
        "Please open your visit page and press the button there once more."
    ),
    Reply.PASSED_ON: (
        "Thank you, we have your message. You find the answer on your visit page; we tell you here when it is there."
    ),
    Reply.ON_THE_PAGE: (
        "We cannot take this here. Please write, or send pictures, on your visit page."
    ),
    Reply.HOW_TO_JOIN: (
        "To get news about a visit here, open the link in your invitation and press the button there."
    ),
}
_JA: Mapping[NewsKind | Reply, str] = {
    NewsKind.ANSWERED: "{site}：担当者からお返事があります。ご訪問ページでご覧ください：",
    NewsKind.CHANGED: "{site}：ご訪問の内容が変わりました。ご訪問ページでご確認ください：",
    NewsKind.CANCELLED: "{site}：ご訪問は取りやめになりました。詳しくはご訪問ページをご覧ください：",
    NewsKind.PASS: "{site}：パスの用意ができました。ご訪問ページでご覧ください：",
    NewsKind.MESSAGE: "{site}：新しいメッセージがあります。ご訪問ページでご覧ください：",
    NewsKind.DRINK: "{site}：お飲み物はいかがですか。ご訪問ページでお選びください：",
    Reply.JOINED: (
        "{site}：ようこそ。これから、ご訪問についてのお知らせをこちらにお送りします。"
        "パスはご訪問ページにあります："
    ),
    Reply.JOINED_WRITE_FIRST: (
        "{site}：ようこそ。お知らせをお届けできるよう、短いメッセージを一つお送りください。"
        "WeChat では、最後のメッセージから 48 時間以内に限りこちらから送れます。パスはご訪問ページにあります："
    ),
    Reply.THANKS: "ありがとうございます。ご訪問についてのお知らせをこちらにお送りします。",
    Reply.UNKNOWN_CODE: (
        "このコードは使えないか、期限が切れています。ご訪問ページを開き、ボタンをもう一度押してください。"
    ),
    Reply.PASSED_ON: (
        "ありがとうございます。メッセージを受け取りました。お返事はご訪問ページでご覧いただけます。届きましたらこちらでお知らせします。"
    ),
    Reply.ON_THE_PAGE: (
        "恐れ入りますが、こちらではお受けできません。ご訪問ページからメッセージや写真をお送りください。"
    ),
    Reply.HOW_TO_JOIN: (
        "ご訪問のお知らせをこちらで受け取るには、招待メールのリンクを開き、ボタンを押してください。"
    ),
}
_ZH: Mapping[NewsKind | Reply, str] = {
    NewsKind.ANSWERED: "{site}：接待人已回复您。请在访问页面查看：",
    NewsKind.CHANGED: "{site}：您的访问有变更。请在访问页面查看：",
    NewsKind.CANCELLED: "{site}：您的访问已取消。详情请见访问页面：",
    NewsKind.PASS: "{site}：您的通行证已准备好，请在访问页面查看：",
    NewsKind.MESSAGE: "{site}：您有新消息，请在访问页面查看：",
    NewsKind.DRINK: "{site}：想喝点什么吗？请在访问页面选择：",
    Reply.JOINED: "{site}：欢迎。有关您访问的消息今后会发到这里。通行证在您的访问页面：",
    Reply.JOINED_WRITE_FIRST: (
        "{site}：欢迎。请在这里发送任意一条消息，以便我们通知您："
        "微信只允许我们在您最后一条消息后的 48 小时内发送。通行证在您的访问页面："
    ),
    Reply.THANKS: "谢谢。有关您访问的消息现在可以发到这里了。",
    Reply.UNKNOWN_CODE: "此代码无效或已失效。请打开您的访问页面，再按一次按钮。",
    Reply.PASSED_ON: "谢谢，我们已收到您的消息。回复会显示在您的访问页面上，届时我们会在这里通知您。",
    Reply.ON_THE_PAGE: "抱歉，这里无法接收。请在您的访问页面上发送文字或图片。",
    Reply.HOW_TO_JOIN: "如需在这里接收访问消息，请打开邀请邮件中的链接并按下按钮。",
}
_BRIEF: Mapping[Language, Mapping[NewsKind, str]] = {
    Language.EN: {
        NewsKind.ANSWERED: "Your host has answered you.",
        NewsKind.CHANGED: "Your visit was changed. See what is new.",
        NewsKind.CANCELLED: "Your visit will not take place.",
        NewsKind.PASS: "Your pass is ready.",
        NewsKind.MESSAGE: "There is a new message for you.",
        NewsKind.DRINK: "Would you like a drink?",
    },
    Language.JA: {
        NewsKind.ANSWERED: "担当者からお返事があります。",
        NewsKind.CHANGED: "ご訪問の内容が変わりました。ご確認ください。",
        NewsKind.CANCELLED: "ご訪問は取りやめになりました。",
        NewsKind.PASS: "パスの用意ができました。",
        NewsKind.MESSAGE: "新しいメッセージがあります。",
        NewsKind.DRINK: "お飲み物はいかがですか。",
    },
    Language.ZH: {
        NewsKind.ANSWERED: "接待人已回复您。",
        NewsKind.CHANGED: "您的访问有变更，请查看。",
        NewsKind.CANCELLED: "您的访问已取消。",
        NewsKind.PASS: "您的通行证已准备好。",
        NewsKind.MESSAGE: "您有新消息。",
        NewsKind.DRINK: "想喝点什么吗？",
    },
}
_BY_LANGUAGE = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}


def say(what: NewsKind | Reply, language: Language, site: str = "", page: str = "") -> str:
    """Return a text in one language, the page's address on a line of its own."""
    words = _BY_LANGUAGE[language][what].format(site=site)
    return f"{words}\n{page}" if page else words


def say_to_stranger(what: Reply) -> str:
    """Return a text in all three languages, for somebody of whom nothing is known."""
    return "\n\n".join(_BY_LANGUAGE[each][what] for each in (Language.JA, Language.ZH, Language.EN))


def brief(news: NewsKind, language: Language) -> str:
    """Return what a push to the visitor's own phone says, below the site's name."""
    return _BRIEF[language][news]
