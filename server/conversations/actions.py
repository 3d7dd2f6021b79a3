"""What others can ask of conversations: begin one, say something, read it, hand it over, and keep the bot's list.

A view that takes files checks them first (`checked_file`, which decodes pictures) and begins its work afterwards:

    files = [actions.checked_file(name, content, said_type)]
    with begin() as work:
        actions.say(work, conversation, text, files, author=Author.RECEPTION, key=form_key)

The caller's rights are those of `work.principal`: a visitor (`Principal.for_visitor`), somebody without a visit
(`actions.stranger(identity)`), a host or deputy of the visit, whoever holds `conversations:answer`, or the system,
which speaks for whomever a messenger's or a mail's sender is.
"""

from server.conversations import calls
from server.conversations.call_models import ringing
from server.conversations.canned import (
    PLACES,
    CannedInput,
    filled,
    put_canned,
    remove_canned,
    take,
)
from server.conversations.contacts import NewContactPoint
from server.conversations.contacts import address as contact_address
from server.conversations.contacts import found as contact_found
from server.conversations.contacts import get as get_contact
from server.conversations.contacts import list_points as list_contacts
from server.conversations.contacts import note_scan as note_contact_scan
from server.conversations.contacts import pdf as contact_pdf
from server.conversations.contacts import put_up as put_up_contact
from server.conversations.contacts import take_down as take_down_contact
from server.conversations.events import (
    AnswerWanted,
    CallBegun,
    ConversationClosed,
    HandedOver,
    MessageSaid,
)
from server.conversations.files import (
    LARGEST_FILE,
    Checked,
    FileRefused,
    Refusal,
    checked_portrait,
)
from server.conversations.files import checked as checked_file
from server.conversations.finding import find, of_host, of_reception, sides, stranger
from server.conversations.forgetting import about_visitor, forget_before, forget_visitor
from server.conversations.handing import (
    PolicyInput,
    ask_person,
    change_policy,
    close,
    follow_host,
    give_back,
    hand_over,
    leave_free,
    pass_on_overdue,
)
from server.conversations.inbox_models import (
    CannedAnswer,
    OfficeHours,
    Show,
    canned_of,
    count_waiting,
    listed,
    newest_words,
    ways_of,
)
from server.conversations.incoming import (
    LONGEST_LETTER,
    NobodysAddress,
    answer_by_mail,
    check_files,
    messenger_wrote,
    take_mail,
)
from server.conversations.mail_text import Letter
from server.conversations.mail_text import read as read_letter
from server.conversations.models import policy_of
from server.conversations.office_hours import (
    HoursInput,
    countries,
    hours_of,
    is_open,
    is_staffed,
    next_open,
    say_when,
    set_hours,
)
from server.conversations.opening import (
    call_oneself,
    identity,
    open_for_stranger,
    open_for_visitor,
)
from server.conversations.questions import (
    OFFERED,
    Answer,
    QuestionInput,
    Tried,
    buttons,
    in_language,
    list_questions,
    try_out,
)
from server.conversations.questions import add as add_question
from server.conversations.questions import change as change_question
from server.conversations.questions import get as get_question
from server.conversations.questions import remove as remove_question
from server.conversations.reading import (
    MOST_SHOWN,
    Said,
    mark_of,
    mark_read,
    messages_of,
    open_file,
    open_picture,
    unread,
)
from server.conversations.reception import settle_reception, tell_reception
from server.conversations.reception import tell_called as tell_reception_called
from server.conversations.rules import (
    AVATARS,
    LONGEST_MESSAGE,
    LONGEST_NICKNAME,
    MOST_FILES,
    Author,
    Channel,
    Nickname,
    Note,
    Side,
    State,
)
from server.conversations.saying import ask_listed, say
from server.conversations.survey_models import Survey, SurveyAnswer
from server.conversations.survey_telling import tell_answered as tell_comment_answered
from server.conversations.survey_telling import tell_readers
from server.conversations.surveys import (
    CommentAnswered,
    Figures,
    NewSurveyAnswer,
    Question,
    SurveyAnswered,
    SurveyInput,
    SurveyReply,
    answer_of,
    answer_survey,
    change_survey,
    figures,
    may_read,
    prune_comments,
    readers_of,
    reply_to_comment,
    said,
    survey_of,
)
from server.conversations.surveys import about_visitor as about_survey
from server.conversations.surveys import forget_visitor as forget_survey
from server.conversations.telling import settle_answered, tell_called, tell_wanted
from server.conversations.thread import NOTICE
from server.conversations.wording import words_of

__all__ = [
    "AVATARS",
    "LARGEST_FILE",
    "LONGEST_LETTER",
    "LONGEST_MESSAGE",
    "LONGEST_NICKNAME",
    "MOST_FILES",
    "MOST_SHOWN",
    "NOTICE",
    "OFFERED",
    "PLACES",
    "Answer",
    "AnswerWanted",
    "Author",
    "CallBegun",
    "CannedAnswer",
    "CannedInput",
    "Channel",
    "Checked",
    "CommentAnswered",
    "ConversationClosed",
    "Figures",
    "FileRefused",
    "HandedOver",
    "HoursInput",
    "Letter",
    "MessageSaid",
    "NewContactPoint",
    "NewSurveyAnswer",
    "Nickname",
    "NobodysAddress",
    "Note",
    "OfficeHours",
    "PolicyInput",
    "Question",
    "QuestionInput",
    "Refusal",
    "Said",
    "Show",
    "Side",
    "State",
    "Survey",
    "SurveyAnswer",
    "SurveyAnswered",
    "SurveyInput",
    "SurveyReply",
    "Tried",
    "about_survey",
    "about_visitor",
    "add_question",
    "answer_by_mail",
    "answer_of",
    "answer_survey",
    "ask_listed",
    "ask_person",
    "buttons",
    "call_oneself",
    "calls",
    "canned_of",
    "change_policy",
    "change_question",
    "change_survey",
    "check_files",
    "checked_file",
    "checked_portrait",
    "close",
    "contact_address",
    "contact_found",
    "contact_pdf",
    "count_waiting",
    "countries",
    "figures",
    "filled",
    "find",
    "follow_host",
    "forget_before",
    "forget_survey",
    "forget_visitor",
    "get_contact",
    "get_question",
    "give_back",
    "hand_over",
    "hours_of",
    "identity",
    "in_language",
    "is_open",
    "is_staffed",
    "leave_free",
    "list_contacts",
    "list_questions",
    "listed",
    "mark_of",
    "mark_read",
    "may_read",
    "messages_of",
    "messenger_wrote",
    "newest_words",
    "next_open",
    "note_contact_scan",
    "of_host",
    "of_reception",
    "open_file",
    "open_for_stranger",
    "open_for_visitor",
    "open_picture",
    "pass_on_overdue",
    "policy_of",
    "prune_comments",
    "put_canned",
    "put_up_contact",
    "read_letter",
    "readers_of",
    "remove_canned",
    "remove_question",
    "reply_to_comment",
    "ringing",
    "said",
    "say",
    "say_when",
    "set_hours",
    "settle_answered",
    "settle_reception",
    "sides",
    "stranger",
    "survey_of",
    "take",
    "take_down_contact",
    "take_mail",
    "tell_called",
    "tell_comment_answered",
    "tell_readers",
    "tell_reception",
    "tell_reception_called",
    "tell_wanted",
    "try_out",
    "unread",
    "ways_of",
    "words_of",
]
