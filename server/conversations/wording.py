"""What bot and system say besides the answers of the list, in the reader's language; written once, here."""

from access_protocol.wording import Language
from server.conversations.models import Message
from server.conversations.rules import Note


def words_of(message: Message, language: Language) -> str:
    """Return a message as its reader reads it: its own text, or the note in their language."""
    if not message.note:
        return message.text
    return _WORDS[Language(language)][Note(message.note)].format(message.text)


_EN = {
    Note.GREETING: "Hello! Ask me about your visit, or write what you need. If I do not know, a person will answer.",
    Note.UNKNOWN: "I do not know that, sorry. I am asking a person for you.",
    Note.FILE_RECEIVED: "Thank you, the file is here. I cannot look into it; I am asking a person for you.",
    Note.ASKED_HOST: "Your host has been told and will answer here.",
    Note.ASKED_RECEPTION: "Reception has been told and will answer here.",
    Note.HOST_SILENT: "Your host is busy at the moment. Reception will answer here.",
    Note.HOST_AWAY: "Your host cannot be reached at this hour. Reception will answer here.",
    Note.PASSED_TO_RECEPTION: "Reception goes on from here.",
    Note.PASSED_TO_HOST: "Your host goes on from here.",
    Note.GIVEN_BACK: "The automatic answers are on again.",
    Note.CLOSED: "This conversation was closed. Write again whenever you like.",
    Note.CALLED: "Call, {} min",
    Note.CALL_MISSED: "Missed call",
    Note.CALL_DECLINED: "Call declined",
}
_JA = {
    Note.GREETING: (
        "こんにちは。ご訪問についてのご質問や、お困りのことをお書きください。"
        "わからないことは担当者がお答えします。"
    ),
    Note.UNKNOWN: "申し訳ございません、わかりかねます。担当者に確認します。",
    Note.FILE_RECEIVED: "ファイルを受け取りました。内容は担当者が確認いたします。",
    Note.ASKED_HOST: "担当者に知らせました。こちらでお答えします。",
    Note.ASKED_RECEPTION: "受付に知らせました。こちらでお答えします。",
    Note.HOST_SILENT: "担当者はただいま手が離せません。受付がこちらでお答えします。",
    Note.HOST_AWAY: "担当者はこの時間は対応できません。受付がこちらでお答えします。",
    Note.PASSED_TO_RECEPTION: "ここからは受付が対応いたします。",
    Note.PASSED_TO_HOST: "ここからは担当者が対応いたします。",
    Note.GIVEN_BACK: "自動応答に戻りました。",
    Note.CLOSED: "この会話は終了しました。いつでもまたお書きください。",
    Note.CALLED: "通話 {}分",
    Note.CALL_MISSED: "不在着信",
    Note.CALL_DECLINED: "通話は応答されませんでした",
}
_ZH = {
    Note.GREETING: "您好！关于来访有任何问题，请写在这里。我不知道的，会有工作人员回答。",
    Note.UNKNOWN: "抱歉，这个我不清楚。我来为您询问工作人员。",
    Note.FILE_RECEIVED: "文件已收到。我无法查看内容，会请工作人员处理。",
    Note.ASKED_HOST: "已通知接待您的人，会在这里回复。",
    Note.ASKED_RECEPTION: "已通知前台，会在这里回复。",
    Note.HOST_SILENT: "接待您的人暂时无法回复，前台会在这里回复您。",
    Note.HOST_AWAY: "这个时间联系不到接待您的人，前台会在这里回复您。",
    Note.PASSED_TO_RECEPTION: "接下来由前台为您服务。",
    Note.PASSED_TO_HOST: "接下来由接待您的人为您服务。",
    Note.GIVEN_BACK: "已恢复自动回复。",
    Note.CLOSED: "本次对话已结束。需要时请随时再写。",
    Note.CALLED: "通话 {} 分钟",
    Note.CALL_MISSED: "未接来电",
    Note.CALL_DECLINED: "通话被拒绝",
}
_WORDS = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}
