"""The JSON API of what a person is told and how, for their own account, and of the mail catcher."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.blueprint import ApiBlueprint
from server.kernel.errors import SignInNeeded
from server.kernel.ids import ID_LENGTH, ChannelId, MailId, NoticeId, PersonId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Kind, Right, require
from server.kernel.refusals import invalid_from
from server.kernel.request import answer, answer_page, begin, caller, no_content, reading
from server.kernel.text import EmailAddress
from server.kernel.work import Work
from server.notifications import actions, models
from server.notifications.actions import NewChannel, PreferencesInput
from server.notifications.kinds import (
    AccountState,
    ChannelKind,
    DeliveryState,
    Failure,
    MessengerFailure,
    MessengerKind,
    NoticeKind,
)
from server.notifications.messenger_models import MessengerAccount
from server.notifications.models import CaughtMail, Channel, Delivery, Notice

blueprint = ApiBlueprint(
    "Notifications", "How a host is told, what was told, and what the mail catcher holds."
)


class MailPath(BaseModel):
    """Which mail."""

    mail: MailId = Field(pattern=rf"^[0-9a-f]{{{ID_LENGTH}}}$")


class MailQuery(PageQuery):
    """Which mails a list shows."""

    recipient: EmailAddress | None = None


class MailOut(BaseModel):
    """A caught mail in a list."""

    id: MailId
    caught_at: datetime
    recipient: str
    subject: str
    size: int = Field(description="Bytes of the message.")

    @classmethod
    def of(cls, found: CaughtMail) -> "MailOut":
        """Return what a list shows of the mail."""
        return cls.model_validate(found, from_attributes=True)


class MailPage(BaseModel):
    """A page of caught mails."""

    items: list[MailOut]
    next_cursor: str | None


class AttachmentOut(BaseModel):
    """A file or picture that came with a mail."""

    name: str
    media_type: str
    size: int = Field(description="Bytes.")


class ReadMailOut(MailOut):
    """A caught mail, opened."""

    sender: str
    text: str
    html: str = Field(description="Shows its pictures by `cid:` addresses.")
    attachments: list[AttachmentOut]


@blueprint.get("/mails", {200: MailPage})
def list_mails(query: MailQuery) -> Response:
    """List caught mails, newest first; where a mail server is set there are none."""
    with reading() as work:
        return answer_page(actions.caught(work, query, recipient=query.recipient).map(MailOut.of))


@blueprint.get("/mails/<mail>", {200: ReadMailOut})
def read_mail(path: MailPath) -> Response:
    """Read a caught mail."""
    with reading() as work:
        known = MailOut.of(actions.get(work, path.mail))
        found = actions.read(work, path.mail)
    attachments = [
        AttachmentOut(name=part.name, media_type=part.media_type, size=len(part.content))
        for part in found.parts
    ]
    return answer(
        ReadMailOut(
            **known.model_dump(),
            sender=found.sender,
            text=found.text,
            html=found.html,
            attachments=attachments,
        )
    )


@blueprint.get("/mails/<mail>/message", {200: "message/rfc822"})
def get_message(path: MailPath) -> Response:
    """Get a caught message exactly as it would have gone out."""
    with reading() as work:
        message = actions.message_of(work, path.mail)
    response = Response(message, HTTPStatus.OK, mimetype="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="{path.mail}.eml"'
    return response


class ChannelPath(BaseModel):
    """Which channel."""

    channel: ChannelId = Field(pattern=rf"^[0-9a-f]{{{ID_LENGTH}}}$")


class NoticePath(BaseModel):
    """Which notice."""

    notice: NoticeId = Field(pattern=rf"^[0-9a-f]{{{ID_LENGTH}}}$")


class PushKeyOut(BaseModel):
    """The installation's key for Web Push."""

    public_key: str = Field(description="For `PushManager.subscribe`, in base64url.")


class ChannelOut(BaseModel):
    """A channel; its address is never shown again."""

    id: ChannelId
    kind: ChannelKind
    label: str
    goes_to: str = Field(description="The push service's host, or the messenger's name.")
    created_at: datetime
    last_sent_at: datetime | None
    failing_since: datetime | None
    failure: Failure | None

    @classmethod
    def of(cls, found: Channel) -> "ChannelOut":
        """Show a channel."""
        return cls.model_validate(found, from_attributes=True)


class ChannelsOut(BaseModel):
    """All channels of the caller."""

    items: list[ChannelOut]


class DeliveryOut(BaseModel):
    """One notice on one channel."""

    kind: ChannelKind
    label: str
    state: DeliveryState
    failure: Failure | None
    why: str = Field(description="More about the failure; for one that waits, of the latest try.")
    due_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, found: Delivery, latest: str) -> "DeliveryOut":
        """Show a delivery; `latest` is why its latest try failed, where it waits for another."""
        shown = cls.model_validate(found, from_attributes=True)
        return shown.model_copy(update={"why": found.why or latest})


class NoticeOut(BaseModel):
    """Something that the caller was told."""

    id: NoticeId
    kind: NoticeKind
    visit: str | None
    visitor: str | None
    title: str
    body: str
    path: str
    created_at: datetime
    expires_at: datetime | None
    reacted_at: datetime | None
    deputy_at: datetime | None = Field(description="When the deputy is told unless you react.")
    deputy_told_at: datetime | None
    deliveries: list[DeliveryOut]

    @classmethod
    def of(cls, found: Notice, sent: list[Delivery], latest: dict[str, str]) -> "NoticeOut":
        """Show a notice with its deliveries."""
        words = actions.word(found.kind, found.language, found.details)
        return cls(
            **found.model_dump(include=set(cls.model_fields) - {"title", "body", "deliveries"}),
            title=words.title,
            body=words.body,
            deliveries=[DeliveryOut.of(each, latest.get(each.id, "")) for each in sent],
        )


class NoticePage(BaseModel):
    """A page of notices."""

    items: list[NoticeOut]
    next_cursor: str | None


@blueprint.get("/notifications/push-key", {200: PushKeyOut})
def get_push_key() -> Response:
    """Get the key with which a browser subscribes to this installation's pushes."""
    with begin() as work:
        _me(work)
        return answer(PushKeyOut(public_key=actions.push_key(work)))


@blueprint.get("/notifications/channels", {200: ChannelsOut})
def list_channels() -> Response:
    """List the caller's own channels."""
    with reading() as work:
        found = actions.list_channels(work, _me(work))
        return answer(ChannelsOut(items=[ChannelOut.of(each) for each in found]))


@blueprint.post("/notifications/channels", {201: ChannelOut})
def add_channel(body: NewChannel) -> Response:
    """Add a browser's push subscription or a messenger; the same browser again keeps its channel."""
    with begin() as work:
        return answer(ChannelOut.of(actions.add_channel(work, _me(work), body)), HTTPStatus.CREATED)


@blueprint.delete("/notifications/channels/<channel>", {204: None})
def remove_channel(path: ChannelPath) -> Response:
    """Remove one of the caller's channels."""
    with begin() as work:
        _me(work)
        actions.remove_channel(work, path.channel)
    return no_content()


@blueprint.post("/notifications/channels/<channel>/test", {202: None})
def send_test(path: ChannelPath) -> Response:
    """Have a test message sent on one of the caller's channels."""
    with begin() as work:
        _me(work)
        actions.send_test(work, path.channel, Language(caller().language or Language.EN))
    return Response(status=HTTPStatus.ACCEPTED)


@blueprint.get("/notifications/preferences", {200: PreferencesInput})
def get_preferences() -> Response:
    """Get how the caller wants to be told."""
    with reading() as work:
        return answer(actions.preferences_of(work, _me(work)))


@blueprint.put("/notifications/preferences", {200: PreferencesInput})
def put_preferences(body: PreferencesInput) -> Response:
    """Say how the caller wants to be told; what is left out goes back to its default."""
    with begin() as work:
        return answer(actions.set_preferences(work, _me(work), body))


@blueprint.get("/notifications/notices", {200: NoticePage})
def list_notices(query: PageQuery) -> Response:
    """List what the caller was told, newest first, and what became of each delivery."""
    with reading() as work:
        page = actions.notices_of(work, _me(work), query)
        sent = models.deliveries_of(work.session, [each.id for each in page.items])
        waiting = [each for found in sent.values() for each in found]
        latest = actions.waiting_tries(work, waiting)
        return answer_page(page.map(lambda each: NoticeOut.of(each, sent.get(each.id, []), latest)))


@blueprint.post("/notifications/notices/<notice>/reaction", {204: None})
def react(path: NoticePath) -> Response:
    """Note that the caller saw a notice: their deputy is not told then."""
    with begin() as work:
        _me(work)
        actions.reacted(work, path.notice)
    return no_content()


class SitePath(BaseModel):
    """Which site."""

    site: str = Field(pattern="^[A-Z]{1,3}$")


class MessengerPath(SitePath):
    """Which messenger of which site."""

    kind: MessengerKind


Secret = Annotated[SecretStr, Field(max_length=500)]


class MessengerKeys(BaseModel):
    """The account's keys, as the messenger's console names them; kept sealed and never shown again."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    channel_secret: Secret | None = Field(default=None, description="LINE.")
    channel_access_token: Secret | None = Field(default=None, description="LINE, long-lived.")
    corp_id: Secret | None = Field(default=None, description="WeChat Work.")
    open_kfid: Secret | None = Field(default=None, description="WeChat Work.")
    secret: Secret | None = Field(default=None, description="WeChat Work.")
    token: Secret | None = Field(default=None, description="WeChat Work, of the callback.")
    encoding_aes_key: Secret | None = Field(
        default=None, description="WeChat Work, of the callback."
    )


class MessengerOut(BaseModel):
    """A site's account at a messenger, without its keys."""

    site: str
    kind: MessengerKind
    state: AccountState
    failure: MessengerFailure | None
    why: str
    address: str = Field(description="The account's public name, or the link to its chat.")
    changed_at: datetime
    heard_at: datetime | None
    sent_at: datetime | None

    @classmethod
    def of(cls, found: MessengerAccount) -> "MessengerOut":
        """Show an account."""
        return cls.model_validate(found, from_attributes=True)


class MessengersOut(BaseModel):
    """The accounts of a site."""

    items: list[MessengerOut]


@blueprint.get("/notifications/messengers/<site>", {200: MessengersOut})
def list_messengers(path: SitePath) -> Response:
    """List the messengers that a site has set up."""
    with reading() as work:
        found = actions.list_messengers(work, SiteCode(path.site))
        return answer(MessengersOut(items=[MessengerOut.of(each) for each in found]))


@blueprint.put("/notifications/messengers/<site>/<kind>", {200: MessengerOut})
def set_up_messenger(path: MessengerPath, body: MessengerKeys) -> Response:
    """Give a site's account its keys, in place of any before; they are tried at once."""
    sent: dict[str, SecretStr] = body.model_dump(exclude_none=True)
    given = {name: value.get_secret_value() for name, value in sent.items()}
    with begin() as work:
        try:
            row = actions.set_up_messenger(work, SiteCode(path.site), path.kind, given)
        except ValidationError as error:
            raise invalid_from(error) from None
        return answer(MessengerOut.of(row))


@blueprint.delete("/notifications/messengers/<site>/<kind>", {204: None})
def take_messenger_away(path: MessengerPath) -> Response:
    """Take a messenger away from a site; its keys are forgotten, and so is who had joined."""
    with begin() as work:
        actions.take_messenger_away(work, SiteCode(path.site), path.kind)
    return no_content()


def _me(work: Work) -> PersonId:
    """Return whose account this is about; a token needs the right of hosts, for it learns who visits."""
    if work.principal.person is None:
        raise SignInNeeded("Sign in, or send an API token, to do this.")
    if work.principal.kind is Kind.TOKEN:
        require(work.principal, Right.VISITS_INVITE)
    return work.principal.person
