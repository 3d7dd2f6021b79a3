"""Conversations and the bot's list as JSON."""

from datetime import datetime
from typing import Annotated

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import actions
from server.conversations.actions import (
    Author,
    Channel,
    QuestionInput,
    Said,
    Show,
    Side,
    State,
)
from server.conversations.models import Attachment, Conversation, Question
from server.conversations.rules import LONGEST_KEY, LONGEST_MESSAGE
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import (
    AttachmentId,
    ConversationId,
    MessageId,
    PersonId,
    QuestionId,
    VisitId,
    VisitorId,
)
from server.kernel.pagination import PageQuery
from server.kernel.request import answer, answer_page, begin, no_content, reading
from server.kernel.work import Work

blueprint = ApiBlueprint(
    "Conversations", "What visitors and the house write to each other, and the bot's list."
)

_ID = "^[0-9a-f]{32}$"


class ConversationPath(BaseModel):
    """Which conversation."""

    conversation: ConversationId = Field(pattern=_ID)


class QuestionPath(BaseModel):
    """Which question."""

    question: QuestionId = Field(pattern=_ID)


class SiteQuery(BaseModel):
    """Which site."""

    site: SiteCode = Field(pattern="^[A-Z]{1,3}$")


class InboxQuery(SiteQuery, PageQuery):
    """Which conversations of a site."""

    show: Show = Show.WAITING
    search: str = Field(default="", max_length=100, description="Names, companies and words.")


class FileOut(BaseModel):
    """A file in a message; what it holds is shown on the pages of those who take part."""

    id: AttachmentId
    name: str
    media_type: str
    size: int = Field(description="Bytes.")

    @classmethod
    def of(cls, found: Attachment) -> "FileOut":
        """Show a row."""
        return cls.model_validate(found, from_attributes=True)


class MessageOut(BaseModel):
    """Something that was said."""

    id: MessageId
    number: int = Field(description="1, 2, 3 …: the order in which they were said.")
    author: Author
    person: PersonId | None
    text: str = Field(description="Its words; those of the bot and of the system in English.")
    channel: Channel
    at: datetime
    read: bool = Field(description="Whether the other side has read it.")
    files: list[FileOut]

    @classmethod
    def of(cls, said: Said) -> "MessageOut":
        """Show a message with its files."""
        message = said.message
        return cls(
            id=message.id,
            number=message.number,
            author=message.author,
            person=message.person,
            text=actions.words_of(message, Language.EN),
            channel=message.channel,
            at=message.at,
            read=said.read,
            files=[FileOut.of(each) for each in said.files],
        )


class ConversationOut(BaseModel):
    """A conversation, without its messages."""

    id: ConversationId
    site: SiteCode
    visit: VisitId | None
    visitor: VisitorId | None
    nickname: str
    language: Language
    state: State = Field(description="Whose turn it is to answer.")
    started_at: datetime
    last_at: datetime
    last_number: int
    waiting_since: datetime | None
    visitor_read: int
    host_read: int
    reception_read: int

    @classmethod
    def of(cls, found: Conversation) -> "ConversationOut":
        """Show a row."""
        return cls.model_validate(found, from_attributes=True)


class ConversationList(BaseModel):
    """The conversations of one's own visits."""

    items: list[ConversationOut]


class ThreadOut(BaseModel):
    """A conversation with its newest messages."""

    conversation: ConversationOut
    messages: list[MessageOut]


class NewMessage(BaseModel):
    """What is to be said to a visitor."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_MESSAGE)]
    key: str = Field(
        default="", max_length=LONGEST_KEY, description="The same key twice is said once."
    )


class TurnInput(BaseModel):
    """Whose turn it is from now on."""

    model_config = ConfigDict(extra="forbid")

    state: State


class QuestionOut(BaseModel):
    """A question of the list."""

    id: QuestionId
    site: SiteCode
    position: int
    asked: dict[Language, list[str]]
    answers: dict[Language, str]
    active: bool

    @classmethod
    def of(cls, found: Question) -> "QuestionOut":
        """Show a row."""
        return cls.model_validate(found, from_attributes=True)


class QuestionList(BaseModel):
    """The list of a site."""

    items: list[QuestionOut]


class InboxPage(ConversationList):
    """Some conversations of a site."""

    next_cursor: str | None


@blueprint.get("/conversations", {200: ConversationList})
def list_conversations() -> Response:
    """List the conversations of one's own visits, newest words first."""
    with reading() as work:
        found = [ConversationOut.of(each) for each in actions.of_host(work)]
        return answer(ConversationList(items=found))


@blueprint.get("/conversations/inbox", {200: InboxPage})
def list_inbox(query: InboxQuery) -> Response:
    """List the conversations of a site for whoever answers for reception; who waits longest stands first."""
    with reading() as work:
        actions.of_reception(work, query.site)
        who = work.principal.person
        page = actions.listed(work.session, [query.site], query.show, who, query, query.search)
        return answer_page(page.map(ConversationOut.of))


@blueprint.get("/conversations/<conversation>", {200: ThreadOut})
def get_conversation(path: ConversationPath) -> Response:
    """Get a conversation with its newest messages; it does not count as read by that."""
    with reading() as work:
        return answer(_thread(work, path.conversation))


@blueprint.post("/conversations/<conversation>/messages", {201: ThreadOut})
def say(path: ConversationPath, body: NewMessage) -> Response:
    """Answer as host, or as reception where it is not one's own visitor."""
    with begin() as work:
        found = actions.find(work, path.conversation)
        own = Side.HOST in actions.sides(work, found)
        author = Author.HOST if own else Author.RECEPTION
        actions.say(work, found.id, body.text, author=author, key=body.key)
        made = _thread(work, found.id)
    return answer(made, 201)


@blueprint.put("/conversations/<conversation>/turn", {200: ThreadOut})
def change_turn(path: ConversationPath, body: TurnInput) -> Response:
    """Pass it to host or reception, let the bot answer again, or close it."""
    with begin() as work:
        match body.state:
            case State.BOT:
                actions.give_back(work, path.conversation)
            case State.CLOSED:
                actions.close(work, path.conversation)
            case State.HOST | State.RECEPTION:
                actions.hand_over(work, path.conversation, body.state)
        made = _thread(work, path.conversation)
    return answer(made)


@blueprint.get("/questions", {200: QuestionList})
def list_questions(query: SiteQuery) -> Response:
    """List the questions that the bot of a site answers."""
    with reading() as work:
        found = actions.list_questions(work, query.site)
        return answer(QuestionList(items=[QuestionOut.of(each) for each in found]))


@blueprint.post("/questions", {201: QuestionOut})
def add_question(query: SiteQuery, body: QuestionInput) -> Response:
    """Add a question to the list of a site."""
    with begin() as work:
        made = QuestionOut.of(actions.add_question(work, query.site, body))
    return answer(made, 201)


@blueprint.put("/questions/<question>", {200: QuestionOut})
def change_question(path: QuestionPath, body: QuestionInput) -> Response:
    """Write a question anew."""
    with begin() as work:
        changed = QuestionOut.of(actions.change_question(work, path.question, body))
    return answer(changed)


@blueprint.delete("/questions/<question>", {204: None})
def remove_question(path: QuestionPath) -> Response:
    """Take a question off the list."""
    with begin() as work:
        actions.remove_question(work, path.question)
    return no_content()


def _thread(work: Work, conversation: ConversationId) -> ThreadOut:
    found = actions.find(work, conversation)
    said = [MessageOut.of(each) for each in actions.messages_of(work, found.id)]
    return ThreadOut(conversation=ConversationOut.of(found), messages=said)
