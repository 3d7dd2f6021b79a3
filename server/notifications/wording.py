"""The words of the letters, in the three languages; written once, here."""

from dataclasses import dataclass
from enum import StrEnum

from access_protocol.wording import Language


class LetterKind(StrEnum):
    """What a letter tells."""

    INVITATION = "invitation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    DECLINED = "declined"
    """To the host: the visit was not approved."""
    CODE = "code"
    """A code with which another phone of the visitor's may open the link."""
    REGRET = "regret"
    """To a visitor who declined: it is noted, and leaves their calendar."""
    KEPT = "kept"
    """To a visitor who asked for something that the host cannot do."""
    SERIES = "series"
    """An invitation to several dates at once."""
    SERIES_CHANGE = "series change"
    """How the dates of a series stand now."""
    SERIES_CANCELLATION = "series cancellation"
    """None of the dates to come will take place."""
    REMINDER = "reminder"
    """The pass of one date of a series, shortly before it."""
    MOVED = "moved"
    """Another phone took the link over: what is new is told, and who it was not can say so."""
    NEW_HOST = "new host"
    """Somebody else receives the visitor now; nothing else changed."""
    THANKS = "thanks"
    """To a visitor who left: thanks, and the way to the survey."""
    SURVEY_ANSWERED = "survey answered"
    """To a visitor whose comment was answered."""


OVER = frozenset({LetterKind.CANCELLATION, LetterKind.REGRET, LetterKind.SERIES_CANCELLATION})
"""Letters about a visit to which the reader will not come: they take it out of calendars."""


@dataclass(frozen=True, kw_only=True)
class Says:
    """What one kind of letter says in one language; the braces are filled from the letter."""

    subject: str
    heading: str
    opening: str
    link: str = ""
    """The words of the button, where they are others than usual."""
    before_link: str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words that all letters of one language share."""

    greeting: str
    title: str
    when: str
    where: str
    host: str
    reason: str
    link: str
    bring: str
    directions: str
    before_link: str
    dates: str
    next_date: str
    above_code: str
    below_code: str
    closing: str
    says: dict[LetterKind, Says]


_EN = Words(
    greeting="Dear {name},",
    title="Visit",
    when="When",
    where="Where",
    host="Your host",
    reason="Reason",
    link="Open my visit",
    bring="What to bring",
    directions="How to get there",
    before_link="Your visit, the way to the room and your pass are on your own page:",
    dates="Dates",
    next_date="This pass is for the next date. Before each later one you get a mail with its own pass; "
    "all links are on your page.",
    above_code="Your pass",
    below_code="Hold this code before the camera at the gate. It is yours alone: please do not forward it.",
    closing="This mail was sent by the visitor reception of {site}. Questions? Please ask your host.",
    says={
        LetterKind.INVITATION: Says(
            subject="Your visit on {day}: {title}",
            heading="You are invited",
            opening="{host} is looking forward to your visit.",
        ),
        LetterKind.CHANGE: Says(
            subject="Changed: your visit on {day}: {title}",
            heading="Your visit was changed",
            opening="Something about your visit to {host} was changed. This is how it stands now; "
            "a pass from an earlier mail may no longer work.",
        ),
        LetterKind.NEW_HOST: Says(
            subject="{host} will receive you on {day}: {title}",
            heading="Somebody else will receive you",
            opening="{host} will be looking after you from now on and is looking forward to your visit. "
            "Nothing else changes: your link and your pass stay as they are.",
        ),
        LetterKind.CANCELLATION: Says(
            subject="Cancelled: your visit on {day}: {title}",
            heading="Your visit was cancelled",
            opening="Your visit to {host} will not take place, and your pass no longer works.",
        ),
        LetterKind.CODE: Says(
            subject="Your code",
            heading="Your code for another phone",
            opening="Somebody wants to open your invitation on another phone or browser. "
            "If that is you, type this code there within {minutes} minutes. "
            "If it is not, do nothing: without the code nobody sees your invitation.",
        ),
        LetterKind.REGRET: Says(
            subject="You will not come on {day}: {title}",
            heading="You have declined",
            opening="Thank you for telling {host}. Your pass no longer works. "
            "If you can come after all, please ask your host to expect you again.",
        ),
        LetterKind.KEPT: Says(
            subject="Your visit on {day} stays as it is: {title}",
            heading="Your visit stays as it is",
            opening="{host} cannot do what you asked for. Your visit stands as it was, and so does your pass. "
            "If you cannot come, you can decline on your own page.",
        ),
        LetterKind.SERIES: Says(
            subject="Your {count} visits from {day}: {title}",
            heading="You are invited {count} times",
            opening="{host} is looking forward to your visits.",
        ),
        LetterKind.SERIES_CHANGE: Says(
            subject="Changed: your visits from {day}: {title}",
            heading="Your visits were changed",
            opening="Something about your visits to {host} was changed. These are the dates as they stand now; "
            "a pass from an earlier mail may no longer work.",
        ),
        LetterKind.SERIES_CANCELLATION: Says(
            subject="Cancelled: your visits from {day}: {title}",
            heading="Your visits were cancelled",
            opening="Your visits to {host} will not take place, and your passes no longer work.",
        ),
        LetterKind.REMINDER: Says(
            subject="Your pass for {day}: {title}",
            heading="Your next visit",
            opening="{host} is looking forward to your visit. This is your pass for it.",
        ),
        LetterKind.THANKS: Says(
            subject="Thank you for your visit: {title}",
            heading="Thank you for your visit",
            opening="It was a pleasure to have you here. We hope that all went well.",
            link="Tell us how it was",
            before_link="How was it? Two questions, less than a minute:",
        ),
        LetterKind.SURVEY_ANSWERED: Says(
            subject="An answer to what you wrote: {title}",
            heading="We have answered you",
            opening="Thank you for telling us how your visit was. "
            "Somebody has read it, and their answer stands on your page.",
            link="Read the answer",
            before_link="You find it here:",
        ),
        LetterKind.MOVED: Says(
            subject="Your invitation is on another phone now: {title}",
            heading="Your invitation is on another phone now",
            opening="Your invitation to {host} was opened on another phone with the code that we mailed to you. "
            "The pass on the phone before, and those from earlier mails, no longer work. "
            "If that was not you, please tell your host at once.",
        ),
        LetterKind.DECLINED: Says(
            subject="Not approved: visit on {day}: {title}",
            heading="The visit was not approved",
            opening="The visit that you asked for was not approved. Nobody was admitted for it.",
        ),
    },
)
_JA = Words(
    greeting="{name} 様",
    title="件名",
    when="日時",
    where="場所",
    host="担当者",
    reason="理由",
    link="来訪ページを開く",
    bring="お持ちいただくもの",
    directions="交通のご案内",
    before_link="ご来訪の内容、会議室への道順、入館証は専用ページでご確認いただけます。",
    dates="日程",
    next_date="この入館証は次回のご来訪用です。以降の回の入館証は、それぞれの前日までにメールでお送りします。各回のリンクは専用ページにあります。",
    above_code="入館証",
    below_code="ゲートのカメラにこのQRコードをかざしてください。ご本人専用です。転送はご遠慮ください。",
    closing="このメールは{site}の来訪者受付からお送りしています。ご不明な点は担当者にお問い合わせください。",
    says={
        LetterKind.INVITATION: Says(
            subject="【ご来訪のご案内】{day} {title}",
            heading="ご来訪のご案内",
            opening="{host}がお待ちしております。",
        ),
        LetterKind.CHANGE: Says(
            subject="【変更のお知らせ】{day} {title}",
            heading="ご来訪の内容が変わりました",
            opening="{host}へのご来訪の内容が変わりました。最新の内容は次のとおりです。"
            "以前のメールの入館証は使えないことがあります。",
        ),
        LetterKind.NEW_HOST: Says(
            subject="【担当者変更のお知らせ】{day} {title}",
            heading="担当者が変わりました",
            opening="これからは{host}が担当し、お迎えいたします。"
            "そのほかに変更はなく、ご案内のリンクと入館証はそのままお使いいただけます。",
        ),
        LetterKind.CANCELLATION: Says(
            subject="【中止のお知らせ】{day} {title}",
            heading="ご来訪は中止になりました",
            opening="{host}へのご来訪は中止になりました。お送りした入館証は使えません。",
        ),
        LetterKind.CODE: Says(
            subject="確認コードのお知らせ",
            heading="別の端末で開くための確認コード",
            opening="別のスマートフォンまたはブラウザでご招待を開こうとしています。"
            "ご本人の場合は、{minutes}分以内にそちらの画面へ次のコードを入力してください。"
            "お心当たりがない場合は何もしないでください。コードがなければ内容は表示されません。",
        ),
        LetterKind.REGRET: Says(
            subject="【ご欠席を承りました】{day} {title}",
            heading="ご欠席を承りました",
            opening="ご連絡ありがとうございます。{host}に伝えました。入館証は使えません。"
            "ご都合がつく場合は、担当者にもう一度ご招待をお申し付けください。",
        ),
        LetterKind.KEPT: Says(
            subject="【変更はありません】{day} {title}",
            heading="ご来訪の内容に変更はありません",
            opening="{host}はご希望に沿うことができませんでした。ご来訪の内容と入館証は以前のままです。"
            "お越しになれない場合は、専用ページからお断りいただけます。",
        ),
        LetterKind.SERIES: Says(
            subject="【ご来訪のご案内】{day}から全{count}回 {title}",
            heading="全{count}回のご来訪のご案内",
            opening="{host}がお待ちしております。",
        ),
        LetterKind.SERIES_CHANGE: Says(
            subject="【変更のお知らせ】{day}からのご来訪 {title}",
            heading="ご来訪の日程・内容が変わりました",
            opening="{host}へのご来訪の内容が変わりました。最新の日程は次のとおりです。"
            "以前のメールの入館証は使えないことがあります。",
        ),
        LetterKind.SERIES_CANCELLATION: Says(
            subject="【中止のお知らせ】{day}からのご来訪 {title}",
            heading="今後のご来訪は中止になりました",
            opening="{host}へのご来訪は中止になりました。お送りした入館証は使えません。",
        ),
        LetterKind.REMINDER: Says(
            subject="【入館証のお届け】{day} {title}",
            heading="次回のご来訪",
            opening="{host}がお待ちしております。今回の入館証をお送りします。",
        ),
        LetterKind.THANKS: Says(
            subject="ご来訪ありがとうございました：{title}",
            heading="ご来訪ありがとうございました",
            opening="お越しいただき、誠にありがとうございました。ご不便はございませんでしたでしょうか。",
            link="感想を伝える",
            before_link="いかがでしたか。1分ほどの短いアンケートです。",
        ),
        LetterKind.SURVEY_ANSWERED: Says(
            subject="ご意見への回答：{title}",
            heading="ご意見に回答しました",
            opening="ご来訪の感想をお寄せいただき、ありがとうございました。"
            "担当者が拝読し、お客様のページに回答を載せました。",
            link="回答を読む",
            before_link="こちらからご覧ください。",
        ),
        LetterKind.MOVED: Says(
            subject="【お知らせ】ご招待が別の端末に移りました:{title}",
            heading="ご招待が別の端末に移りました",
            opening="お送りした確認コードにより、{host}へのご来訪のご招待が別の端末で開かれました。"
            "以前の端末の入館証と、以前のメールの入館証は使えません。"
            "お心当たりがない場合は、すぐに担当者へお知らせください。",
        ),
        LetterKind.DECLINED: Says(
            subject="【承認されませんでした】{day} {title}",
            heading="来訪は承認されませんでした",
            opening="申請された来訪は承認されませんでした。入館証は有効ではありません。",
        ),
    },
)
_ZH = Words(
    greeting="{name}，您好：",
    title="主题",
    when="时间",
    where="地点",
    host="接待人",
    reason="原因",
    link="打开来访页面",
    bring="请携带",
    directions="交通指引",
    before_link="来访详情、前往会议室的路线和通行码都在您的专属页面上：",
    dates="日期",
    next_date="此通行码用于下一次来访。以后每次来访前，您会收到含有当次通行码的邮件；所有链接都在您的专属页面上。",
    above_code="通行码",
    below_code="请在闸机的摄像头前出示此二维码。仅供您本人使用，请勿转发。",
    closing="本邮件由{site}的访客接待系统发送。如有疑问，请联系接待人。",
    says={
        LetterKind.INVITATION: Says(
            subject="来访邀请：{day} {title}",
            heading="诚邀您来访",
            opening="{host}期待您的到来。",
        ),
        LetterKind.CHANGE: Says(
            subject="来访变更：{day} {title}",
            heading="您的来访有变更",
            opening="您对{host}的来访有变更，最新安排如下。此前邮件中的通行码可能已失效。",
        ),
        LetterKind.NEW_HOST: Says(
            subject="接待人变更：{day} {title}",
            heading="您的接待人有变更",
            opening="今后将由{host}接待您，期待您的到来。其他安排不变，您的链接和通行码继续有效。",
        ),
        LetterKind.CANCELLATION: Says(
            subject="来访取消：{day} {title}",
            heading="您的来访已取消",
            opening="您对{host}的来访已取消，通行码已失效。",
        ),
        LetterKind.CODE: Says(
            subject="您的验证码",
            heading="在另一部手机上打开邀请的验证码",
            opening="有人想在另一部手机或浏览器上打开您的邀请。"
            "如果是您本人，请在{minutes}分钟内在那里输入以下验证码。"
            "如果不是您本人，请不必理会：没有验证码，任何人都看不到您的邀请。",
        ),
        LetterKind.REGRET: Says(
            subject="已确认您不能来访：{day} {title}",
            heading="已确认您不能来访",
            opening="感谢告知，我们已通知{host}。您的通行码已失效。"
            "如果您又可以前来，请联系接待人重新邀请您。",
        ),
        LetterKind.KEPT: Says(
            subject="{day}的来访保持不变：{title}",
            heading="来访安排保持不变",
            opening="{host}无法满足您的请求，来访安排和通行码均保持不变。"
            "如果您不能前来，可以在您的专属页面上谢绝邀请。",
        ),
        LetterKind.SERIES: Says(
            subject="来访邀请：自{day}起共{count}次 {title}",
            heading="诚邀您来访，共{count}次",
            opening="{host}期待您的到来。",
        ),
        LetterKind.SERIES_CHANGE: Says(
            subject="来访变更：自{day}起的来访 {title}",
            heading="您的来访有变更",
            opening="您对{host}的来访有变更，最新日期如下。此前邮件中的通行码可能已失效。",
        ),
        LetterKind.SERIES_CANCELLATION: Says(
            subject="来访取消：自{day}起的来访 {title}",
            heading="您的来访已取消",
            opening="您对{host}的来访已取消，通行码已失效。",
        ),
        LetterKind.REMINDER: Says(
            subject="{day}来访的通行码：{title}",
            heading="您的下一次来访",
            opening="{host}期待您的到来。以下是本次来访的通行码。",
        ),
        LetterKind.THANKS: Says(
            subject="感谢您的来访：{title}",
            heading="感谢您的来访",
            opening="很高兴接待您，希望一切顺利。",
            link="说说您的感受",
            before_link="这次来访怎么样？回答只需不到一分钟：",
        ),
        LetterKind.SURVEY_ANSWERED: Says(
            subject="对您意见的答复：{title}",
            heading="我们已答复您",
            opening="感谢您告诉我们来访的感受。已有同事阅读，答复在您的页面上。",
            link="阅读答复",
            before_link="请在这里查看：",
        ),
        LetterKind.MOVED: Says(
            subject="您的邀请已转到另一部手机：{title}",
            heading="您的邀请已转到另一部手机",
            opening="您对{host}的来访邀请已凭我们发送的验证码在另一部手机上打开。"
            "原手机上的通行码以及此前邮件中的通行码均已失效。"
            "如果不是您本人操作，请立即联系接待人。",
        ),
        LetterKind.DECLINED: Says(
            subject="来访未获批准：{day} {title}",
            heading="来访未获批准",
            opening="您申请的来访未获批准，未发放任何有效的通行码。",
        ),
    },
)
WORDS = {Language.EN: _EN, Language.JA: _JA, Language.ZH: _ZH}
