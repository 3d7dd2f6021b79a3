"""What every letter about a visit says: its facts, in the reader's language."""

from dataclasses import dataclass, replace

from access_protocol.wording import Language
from server.kernel.work import Work
from server.notifications.actions import OVER, Letter, LetterKind
from server.people.models import Person
from server.places.models import Site, name_in
from server.visits import guests, models, place
from server.visits.models import Visit, Visitor
from server.visits.rules import in_words


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who reads a letter."""

    email: str
    name: str
    language: Language

    @classmethod
    def visitor(cls, visitor: Visitor) -> "Reader":
        """Return a visitor as a reader."""
        return cls(email=visitor.email, name=visitor.name, language=Language(visitor.language))


def plain(work: Work, visit: Visit, reader: Reader, kind: LetterKind) -> Letter:
    """Return a letter with the facts of a visit alone: no link, no pass, no calendar entry."""
    site = work.session.get_one(Site, visit.site)
    return Letter(
        kind=kind,
        language=reader.language,
        recipient=reader.email,
        name=reader.name,
        title=visit.title,
        host=work.session.get_one(Person, visit.host).name,
        site=name_in(site, reader.language),
        place=place.described(work, visit.site, visit.room, reader.language),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        time_zone=site.time_zone,
        reason=visit.reason,
    )


def to_visitor(work: Work, visit: Visit, visitor: Visitor, kind: LetterKind) -> Letter:
    """Return a letter to a visitor: with words, way and link, where the visit takes place."""
    reader = Reader.visitor(visitor)
    letter = plain(work, visit, reader, kind)
    if kind in OVER:
        return letter
    site = models.welcome_of(work.session, visit.site)
    bring = filter(None, (in_words(site.bring, reader.language), visit.bring))
    return replace(
        letter,
        note=visit.note,
        bring="\n".join(bring),
        directions=in_words(site.directions, reader.language),
        link=guests.link_of(work, visitor),
    )
