"""The sentence that people read for each deny reason, in Japanese, English and Chinese.

It stands here, once, because a gate's screen and the server's panel say the same thing. A refusal
names no person and is never a dead end: each sentence says what to do next.
"""

from enum import StrEnum

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason


class Language(StrEnum):
    """The languages in which every screen speaks."""

    JA = "ja"
    EN = "en"
    ZH = "zh"


_EN = {
    DenyReason.NO_CODE: "No pass was seen. Please hold your QR code before the camera.",
    DenyReason.SEVERAL_CODES: "Several passes were seen. Please show one at a time.",
    DenyReason.MALFORMED: "This code is not a complete pass. Please open the link in your invitation.",
    DenyReason.NOT_HELD: "This gate does not know your pass yet. Please keep the phone still until the code changes.",
    DenyReason.UNKNOWN_KEY: "This pass was not issued here. Please check your invitation.",
    DenyReason.BAD_SIGNATURE: "This pass is not genuine. Please ask your host.",
    DenyReason.WRONG_SITE: "This pass is for another site. Please check the address in your invitation.",
    DenyReason.NOT_PERMITTED: "You may not open this door. Please ask the security desk.",
    DenyReason.KNOWLEDGE_STALE: "This gate has been offline too long. Please call your host.",
    DenyReason.CLOCK_UNTRUSTED: "This gate does not know the time yet. Please call your host.",
    DenyReason.NOT_YET_VALID: "Your pass is not valid yet. Please come back at the time of your visit.",
    DenyReason.EXPIRED: "Your pass has expired. Please ask your host for a new one.",
    DenyReason.REVOKED: "Your pass was withdrawn. Please ask your host.",
    DenyReason.CLASS_NOT_ALLOWED: "This code is not accepted here. Please show the one your phone has for this place.",
    DenyReason.USE_PHONE: "Please use the pass on your phone instead of this one.",
    DenyReason.WRONG_ZONE: "Your pass does not open this door. Please follow the way on your phone.",
    DenyReason.WRONG_MACHINE: "This code is for another machine. Please look on your phone which one it is.",
    DenyReason.HOLDER_PROOF_MISSING: "Please open the pass page on your phone and show it live.",
    DenyReason.HOLDER_PROOF_WRONG: "This pass belongs to another phone. Please use your own link.",
    DenyReason.PRESENTATION_OUT_OF_TIME: "This picture is too old. Please show the pass live.",
    DenyReason.ALREADY_USED: "This pass was just used. Please wait for the code to change.",
    DenyReason.ENTRY_SPENT: "This pass was already used here. Please call your host or the security desk.",
    DenyReason.VOUCHER_SPENT: "This code was already used. Please look on your phone what comes next.",
    DenyReason.ANTI_PASSBACK: "You are already inside, says our record. Please ask the security desk.",
    DenyReason.PRESENCE_MISSING: "Please scan the code on the screen at the entrance, or call your host.",
    DenyReason.LOCKDOWN: "Entry is closed for safety. Please follow the staff's instructions.",
    DenyReason.JOURNAL_UNAVAILABLE: "This gate cannot work right now. Please call your host.",
}
_JA = {
    DenyReason.NO_CODE: "入館証が見つかりません。QRコードをカメラにかざしてください。",
    DenyReason.SEVERAL_CODES: "複数の入館証が写っています。一枚ずつかざしてください。",
    DenyReason.MALFORMED: "入館証として読み取れません。招待メールのリンクを開いてください。",
    DenyReason.NOT_HELD: "まだ確認できていません。コードが切り替わるまで、そのままかざしてください。",
    DenyReason.UNKNOWN_KEY: "こちらで発行された入館証ではありません。招待メールをご確認ください。",
    DenyReason.BAD_SIGNATURE: "正しい入館証ではありません。担当者にお問い合わせください。",
    DenyReason.WRONG_SITE: "別の拠点の入館証です。招待メールの住所をご確認ください。",
    DenyReason.NOT_PERMITTED: "このドアを開ける権限がありません。警備にお問い合わせください。",
    DenyReason.KNOWLEDGE_STALE: "ゲートの通信が長く途切れています。担当者にご連絡ください。",
    DenyReason.CLOCK_UNTRUSTED: "ゲートの時刻が確認できていません。担当者にご連絡ください。",
    DenyReason.NOT_YET_VALID: "入館証はまだ有効ではありません。ご予約の時刻にお越しください。",
    DenyReason.EXPIRED: "入館証の期限が切れています。担当者に再発行をご依頼ください。",
    DenyReason.REVOKED: "入館証は取り消されました。担当者にお問い合わせください。",
    DenyReason.CLASS_NOT_ALLOWED: "ここでは使えないコードです。スマートフォンでこの場所のコードを表示してください。",
    DenyReason.USE_PHONE: "スマートフォンの入館証をお使いください。",
    DenyReason.WRONG_ZONE: "この入館証ではここを通れません。スマートフォンの案内に沿ってお進みください。",
    DenyReason.WRONG_MACHINE: "別の自動販売機のコードです。スマートフォンで場所をご確認ください。",
    DenyReason.HOLDER_PROOF_MISSING: "スマートフォンで入館証のページを開いてかざしてください。",
    DenyReason.HOLDER_PROOF_WRONG: "別の端末の入館証です。ご自身のリンクを開いてください。",
    DenyReason.PRESENTATION_OUT_OF_TIME: "表示が古くなっています。画面をその場で表示してください。",
    DenyReason.ALREADY_USED: "使用済みのコードです。表示が切り替わるまでお待ちください。",
    DenyReason.ENTRY_SPENT: "この入館証はここで使用済みです。担当者または警備にご連絡ください。",
    DenyReason.VOUCHER_SPENT: "このコードは使用済みです。スマートフォンの画面をご確認ください。",
    DenyReason.ANTI_PASSBACK: "すでに入館済みの記録があります。警備にお問い合わせください。",
    DenyReason.PRESENCE_MISSING: "入口の画面のコードを読み取るか、担当者にご連絡ください。",
    DenyReason.LOCKDOWN: "安全のため入館を停止しています。係員の指示に従ってください。",
    DenyReason.JOURNAL_UNAVAILABLE: "このゲートは現在使えません。担当者にご連絡ください。",
}
_ZH = {
    DenyReason.NO_CODE: "没有看到通行码。请将二维码对准摄像头。",
    DenyReason.SEVERAL_CODES: "看到多个通行码。请一次只出示一个。",
    DenyReason.MALFORMED: "这不是完整的通行码。请打开邀请邮件中的链接。",
    DenyReason.NOT_HELD: "此闸机尚未获取您的通行码。请保持手机不动，等待二维码更新。",
    DenyReason.UNKNOWN_KEY: "此通行码不是本处签发的。请核对您的邀请。",
    DenyReason.BAD_SIGNATURE: "此通行码无效。请联系接待您的人员。",
    DenyReason.WRONG_SITE: "此通行码属于其他地点。请核对邀请中的地址。",
    DenyReason.NOT_PERMITTED: "您无权打开此门。请联系保安。",
    DenyReason.KNOWLEDGE_STALE: "此闸机离线过久。请致电接待您的人员。",
    DenyReason.CLOCK_UNTRUSTED: "此闸机尚未确认时间。请致电接待您的人员。",
    DenyReason.NOT_YET_VALID: "通行码尚未生效。请在预约时间前来。",
    DenyReason.EXPIRED: "通行码已过期。请向接待您的人员索取新的。",
    DenyReason.REVOKED: "通行码已被撤销。请联系接待您的人员。",
    DenyReason.CLASS_NOT_ALLOWED: "此处不接受这种二维码。请在手机页面上出示用于此处的二维码。",
    DenyReason.USE_PHONE: "请改用手机上的通行码。",
    DenyReason.WRONG_ZONE: "此通行码不能打开这扇门。请按手机上的路线前行。",
    DenyReason.WRONG_MACHINE: "这是另一台售货机的二维码。请在手机上查看是哪一台。",
    DenyReason.HOLDER_PROOF_MISSING: "请在手机上打开通行码页面并现场出示。",
    DenyReason.HOLDER_PROOF_WRONG: "此通行码属于另一部手机。请使用您自己的链接。",
    DenyReason.PRESENTATION_OUT_OF_TIME: "画面已过时。请现场出示通行码。",
    DenyReason.ALREADY_USED: "此码刚刚用过。请等待二维码更新。",
    DenyReason.ENTRY_SPENT: "此通行码已在此使用过。请致电接待您的人员或保安。",
    DenyReason.VOUCHER_SPENT: "此二维码已使用。请查看手机上的提示。",
    DenyReason.ANTI_PASSBACK: "记录显示您已在内。请联系保安。",
    DenyReason.PRESENCE_MISSING: "请扫描入口屏幕上的代码，或联系接待您的人员。",
    DenyReason.LOCKDOWN: "为安全起见已停止进入。请听从工作人员指示。",
    DenyReason.JOURNAL_UNAVAILABLE: "此闸机暂时无法使用。请致电接待您的人员。",
}
_SENTENCES = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}

_NO_LONGER = {
    Language.EN: "This drink code no longer counts. Please choose again on your phone.",
    Language.JA: "このドリンクコードは無効になりました。スマートフォンで選び直してください。",
    Language.ZH: "此饮料码已失效。请在手机上重新选择。",
}
_NOT_A_PASS = {
    Language.EN: "This code is for the vending machine. Please show your pass here.",
    Language.JA: "これは自動販売機のコードです。ここでは入館証をかざしてください。",
    Language.ZH: "这是售货机的二维码。请在此出示通行码。",
}
_OF_VOUCHERS = {
    DenyReason.EXPIRED: _NO_LONGER,
    DenyReason.REVOKED: _NO_LONGER,
    DenyReason.CLASS_NOT_ALLOWED: _NOT_A_PASS,
}
"""What is said otherwise of a voucher than of a pass: no host issued it, and the phone has the next one."""


def sentence(
    reason: DenyReason, language: Language, credential_class: CredentialClass | None = None
) -> str:
    """Return what a person reads when access was denied for `reason`, by what they showed where that is known."""
    if credential_class is CredentialClass.VOUCHER and reason in _OF_VOUCHERS:
        return _OF_VOUCHERS[reason][language]
    return _SENTENCES[language][reason]
