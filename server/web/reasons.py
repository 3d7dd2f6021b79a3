"""Sentences that actions give as reasons, named here so that they are gathered for translation.

Actions know no languages: they give their reasons in English, and the page that shows one looks it up.
"""

from collections.abc import Callable


def _kept(text: str) -> str:
    return text


N_: Callable[[str], str] = _kept
"""Marks a text for translators without translating it."""

REASONS = (
    N_("must be after the beginning"),
    N_("must not lie in the past"),
    N_("Only visitors of this visit can be named."),
    N_("Nobody was there and stayed away."),
    N_("Please say what was otherwise."),
    N_("must lie within a day of the appointment, and not in the future"),
    N_("must come after the beginning"),
    N_("Only a person can say so."),
    N_("is missing"),
    N_("is on the list twice"),
    N_("is no text in UTF-8, Shift_JIS or GB18030"),
    N_("say until when it repeats, or how often: one of the two"),
    N_("must not lie before the first date"),
    N_("gives more than 52 dates: choose an earlier day"),
    N_("leaves fewer than two dates"),
    N_("times the dates must be at most 500 invitations"),
    N_("is not an e-mail address"),
    N_("At another date nobody would be left. Cancel that date instead."),
    N_("There is no such series, or it is not yours."),
    N_("must lie within 366 days from now"),
    N_("must be at most 14 days after the beginning"),
    N_("must be somebody with an active account"),
    N_("must be on one line, without control characters"),
    N_("must not contain control characters"),
    N_("is too far away"),
    N_("is a name that the server itself uses"),
    N_("there is no such site"),
    N_("The e-mail address or the password is not right."),
    N_("This page was open for too long. Go back, load it again and repeat the step."),
    N_("Please sign in"),
    N_("Not allowed"),
    N_("Not found"),
    N_("Please check what was entered"),
    N_("Does not fit the present state"),
    N_("Too many attempts"),
    N_("One moment, please"),
    N_(
        "More came from your network in a short time than we can answer. "
        "Please wait a minute and try again."
    ),
    N_("This can be said on the day of the visit, until it ends."),
    N_("This can be set up on the day of the visit, until it ends."),
    N_("This site does not notice who comes near. Please use the buttons."),
    N_("is not closed: repeat the first corner at the end"),
    N_("crosses itself"),
    N_("names a corner twice"),
    N_("must have one ring and no holes"),
    N_("is wider than 100 km"),
    N_("is narrower than 20 m everywhere: no phone could tell"),
    N_("the shape near must lie wholly within the shape approaching"),
    N_("There is no such visit, or it is not yours."),
    N_("This visit is over. Make a new one instead."),
    N_("This visit was cancelled. Make a new one instead."),
    N_("This visit was declined. Make a new one instead."),
    N_("There is no such device."),
    N_("There is no such mail."),
    N_("There is no such door."),
    N_("There is no such token."),
    N_("Somebody else changed the same thing at this moment. Please try again."),
    N_(
        "Somebody else changed this visit meanwhile. Look at it in another window; saving again replaces it."
    ),
    N_("This visitor's credential was withdrawn. Issue a new one instead."),
    N_("Security blocked this visitor's pass. Please ask security to lift it."),
    N_("This is locked down already."),
    N_("This lockdown was released already."),
    N_("There is no such lockdown."),
    N_("There is no such conflict."),
    N_("A passage that arrived later explains this; there is nothing to look into."),
    N_(
        "cannot be hard where nothing reads who leaves by one of the doors: "
        "add readers there, or minutes after which it is forgiven"
    ),
    N_("is invited to this visit already"),
    N_("both times are needed, or neither"),
    N_("write a few words, or choose another time"),
    N_("This visit is over."),
    N_("There is no such messenger here."),
    N_("This messenger is not set up for the site."),
    N_("There is nothing to join: this visit does not take place any more."),
    N_("This visit will not take place."),
    N_("You asked many times already. Please call or write to your host."),
    N_("Nobody else can be brought to this visit. Please ask your host."),
    N_("There is a newer version of this document. Please read it first."),
    N_("This was answered already."),
    N_("This was answered already, or the visitor asks for something else now."),
    N_("This visitor is expected already."),
    N_("There is no such visitor in this visit."),
    N_("There is no such document."),
    N_("This document was changed"),
    N_("There is no credential for this visit now."),
    N_("Several codes were sent already. Please look into your mail, or try again in an hour."),
    N_("There is no mail address for this visit. Please ask your host."),
    N_("This sign is old. Please look for the one that hangs there now."),
    N_("Please scan the sign again."),
    N_("Please write something, or choose a file."),
    N_("That was a lot at once. Please wait a minute, then go on."),
    N_("This conversation is full. Please call us."),
    N_("This conversation holds as many files as it can."),
    N_("Please choose a photo (JPEG or PNG)."),
    N_("This picture is damaged. Please choose another."),
    N_("This file was deleted."),
    N_("There is no such conversation."),
    N_("There is no host to pass this to."),
    N_("This question is not offered any more."),
)
