"""Documents that visitors agree to, house rules and confidentiality: their versions, and who agreed to which text."""

import hashlib

from sqlmodel import select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import TermsId, VisitorId
from server.kernel.principal import Right, require
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.places.models import Site
from server.visits import models
from server.visits.events import TermsAgreed, TermsWritten
from server.visits.models import Agreement, Terms, Visit, Visitor
from server.visits.rules import NewTerms, TermsKind


def write_terms(work: Work, site: SiteCode, kind: TermsKind, new: NewTerms) -> Terms:
    """Write a new version of a document: from now on visitors are asked to agree to this one."""
    return _next(work, site, kind, new.model_dump(), in_force=True)


def withdraw_terms(work: Work, site: SiteCode, kind: TermsKind) -> Terms:
    """Ask for a document no more; what was agreed stays as it is."""
    require(work.principal, Right.PLACES_MANAGE, site)
    newest = models.newest_terms(work.session, site).get(kind)
    if newest is None or not newest.in_force:
        raise NotFound("Visitors are not asked to agree to this document.")
    return _next(work, site, kind, newest.texts, in_force=False)


def agree(
    work: Work, visit: Visit, visitor: Visitor, terms_id: TermsId, language: Language
) -> None:
    """Note that a visitor agreed to the text of a version in the language in which they read it.

    Raises `Conflict` where a newer version is in force: they have not read that one.
    """
    terms = work.session.get(Terms, terms_id)
    if terms is None or terms.site != visit.site:
        raise NotFound("There is no such document.")
    if terms.id not in {each.id for each in models.terms_in_force(work.session, visit.site)}:
        raise Conflict("There is a newer version of this document. Please read it first.")
    digest = text_hash(terms.texts[language])
    first = insert_once(
        work.session,
        Agreement,
        visitor=visitor.id,
        terms=terms.id,
        language=language,
        text_hash=digest,
        agreed_at=work.now,
    )
    if first:
        work.record(
            TermsAgreed(visitor=visitor.id, visit=visit.id, terms=terms.id, text_hash=digest)
        )
        live.notice(work, "visits", about=visit.id, site=visit.site)


def outstanding(work: Work, visit: Visit, visitor: VisitorId) -> list[Terms]:
    """Return the documents in force to which a visitor has not agreed yet."""
    agreed = set(
        work.session.exec(select(Agreement.terms).where(Agreement.visitor == visitor)).all()
    )
    return [
        each for each in models.terms_in_force(work.session, visit.site) if each.id not in agreed
    ]


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _next(
    work: Work, site: SiteCode, kind: TermsKind, texts: dict[str, str], *, in_force: bool
) -> Terms:
    require(work.principal, Right.PLACES_MANAGE, site)
    if work.session.get(Site, site, with_for_update=True) is None:
        raise NotFound("There is no such site.")
    newest = models.newest_terms(work.session, site).get(kind)
    terms = Terms(
        id=TermsId(work.ids.new()),
        site=site,
        kind=kind,
        version=newest.version + 1 if newest else 1,
        texts=texts,
        in_force=in_force,
        written_by=work.principal.person,
        written_at=work.now,
    )
    work.session.add(terms)
    work.session.flush()
    work.record(TermsWritten(terms=terms.id, site=site, version=terms.version, in_force=in_force))
    return terms
