"""Credentials and issuer keys as JSON, and the QR code as a picture."""

from datetime import datetime

from flask import Response
from pydantic import BaseModel, Field

from access_protocol.credential import CredentialClass
from access_protocol.ids import KeyId, SiteCode
from access_protocol.keys import key_id
from server.credentials import actions, models
from server.credentials.actions import HolderKeyInput, Refreshed, holder_key
from server.credentials.models import Issue, IssuerKey
from server.kernel.blueprint import ApiBlueprint
from server.kernel.errors import NotFound
from server.kernel.ids import VisitorId
from server.kernel.principal import Right, require
from server.kernel.request import (
    answer,
    begin,
    no_content,
    reading,
)
from server.places.models import Site

blueprint = ApiBlueprint("Credentials", "What opens doors, and the keys that sign it.")


class CredentialOut(BaseModel):
    """A visitor's present credential."""

    visitor: str
    credential: str = Field(description="Its id in hexadecimal, as the access events name it.")
    credential_class: CredentialClass
    generation: int
    zones: list[int]
    not_before: datetime
    expires: datetime
    issued_at: datetime
    text: str = Field(description="What the QR code says; a bound one is shown by its phone only.")
    message: str = Field(description="The signed credential in hexadecimal.")

    @classmethod
    def of(cls, visitor: str, issue: Issue) -> "CredentialOut":
        """Show a credential."""
        return cls(
            visitor=visitor,
            credential=bytes(issue.credential).hex(),
            credential_class=issue.credential_class,
            generation=issue.generation,
            zones=issue.zones,
            not_before=issue.not_before,
            expires=issue.expires,
            issued_at=issue.issued_at,
            text=issue.text,
            message=issue.message.hex(),
        )


class RefreshedOut(BaseModel):
    """A credential for the next minute; ask for the next one after half of it."""

    credential: str
    generation: int
    not_before: datetime
    expires: datetime
    text: str = Field(description="What the QR code says.")

    @classmethod
    def of(cls, made: Refreshed) -> "RefreshedOut":
        """Show a refreshed credential."""
        return cls(
            credential=made.credential.hex(),
            generation=made.generation,
            not_before=made.not_before,
            expires=made.expires,
            text=made.text,
        )


class KeyOut(BaseModel):
    """A public key that signs, or signed, credentials."""

    site: str
    number: int
    key_id: str
    public: str = Field(description="The raw Ed25519 key in hexadecimal.")
    not_before: datetime
    not_after: datetime
    retired_at: datetime | None

    @classmethod
    def of(cls, key: IssuerKey) -> "KeyOut":
        """Show a key, without its private part."""
        hint: KeyId = key_id(key.public)
        return cls(
            site=key.site,
            number=key.number,
            key_id=hint.hex(),
            public=key.public.hex(),
            not_before=key.not_before,
            not_after=key.not_after,
            retired_at=key.retired_at,
        )


class KeyList(BaseModel):
    """The issuer keys of a site, newest first."""

    items: list[KeyOut]


class VisitorPath(BaseModel):
    """A visitor's id."""

    visitor: str = Field(pattern="^[0-9a-f]{32}$")


class ClassQuery(BaseModel):
    """Which of the visitor's credentials."""

    credential_class: CredentialClass = Field(
        default=CredentialClass.STATIC, description="A refreshed one is not kept: ask for it anew."
    )


class SitePath(BaseModel):
    """A site's code."""

    site: str = Field(pattern="^[A-Z]{1,3}$")


class PictureQuery(BaseModel):
    """How the picture should be."""

    for_print: bool = Field(
        default=False, description="Higher error correction, for paper instead of a screen."
    )


@blueprint.get("/visitors/<visitor>/credential", {200: CredentialOut})
def show(path: VisitorPath, query: ClassQuery) -> Response:
    """Return the credential of a class that counts at present."""
    with reading() as work:
        found = actions.show(work, VisitorId(path.visitor), query.credential_class)
        return answer(CredentialOut.of(path.visitor, found))


@blueprint.post("/visitors/<visitor>/credential", {201: CredentialOut})
def reissue(path: VisitorPath) -> Response:
    """Issue the visitor's credential again; the earlier one no longer counts."""
    with begin() as work:
        made = actions.reissue(work, VisitorId(path.visitor))
        shown = CredentialOut.of(path.visitor, made)
    return answer(shown, 201)


@blueprint.delete("/visitors/<visitor>/credential", {204: None})
def revoke(path: VisitorPath) -> Response:
    """Revoke the visitor's credential; the gates hear of it within seconds."""
    with begin() as work:
        actions.revoke(work, VisitorId(path.visitor))
    return no_content()


@blueprint.get("/visitors/<visitor>/credential.png", {200: "image/png"})
def picture(path: VisitorPath, query: PictureQuery) -> Response:
    """Return the QR code as PNG, black on white with its quiet zone."""
    with reading() as work:
        text = actions.show(work, VisitorId(path.visitor)).text
    response = Response(actions.qr_png(text, for_print=query.for_print), mimetype="image/png")
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/visitors/<visitor>/credential/bound", {201: CredentialOut})
def bind(path: VisitorPath, body: HolderKeyInput) -> Response:
    """Bind the visitor's credential to a phone's key; a later key ends what was bound before."""
    key = holder_key(body)
    with begin() as work:
        made = CredentialOut.of(path.visitor, actions.bind(work, VisitorId(path.visitor), key))
    return answer(made, 201)


@blueprint.post("/visitors/<visitor>/credential/refreshed", {201: RefreshedOut})
def refresh(path: VisitorPath) -> Response:
    """Return a credential for the next minute, for a phone that cannot keep a key."""
    with reading() as work:
        made = RefreshedOut.of(actions.refresh(work, VisitorId(path.visitor)))
    return answer(made, 201)


@blueprint.get("/sites/<site>/issuer-keys", {200: KeyList})
def list_keys(path: SitePath) -> Response:
    """Return the public keys whose credentials count, or counted, at the site."""
    with reading() as work:
        require(work.principal, Right.PLACES_READ, SiteCode(path.site))
        if work.session.get(Site, path.site) is None:
            raise NotFound("There is no such site.")
        keys = models.issuer_keys(work.session, SiteCode(path.site))
        return answer(KeyList(items=[KeyOut.of(key) for key in keys]))


@blueprint.post("/sites/<site>/issuer-keys", {201: KeyOut})
def rotate(path: SitePath) -> Response:
    """Let a new key sign; the old one counts until its last credential expires."""
    with begin() as work:
        made = KeyOut.of(actions.rotate_key(work, SiteCode(path.site)))
    return answer(made, 201)
