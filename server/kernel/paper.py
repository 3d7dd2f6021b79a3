"""What is printed: a page of HTML becomes a PDF with its fonts embedded."""
# pyright: reportUnknownMemberType=false
# WeasyPrint leaves the types of some of what is used here open.

from collections.abc import Iterable

from PIL import ImageFile


def pdf(page: str, styles: Iterable[str]) -> bytes:
    """Return an HTML page, dressed in these style sheets, as PDF."""
    # It costs half a second and 40 MB, and most processes never print.
    from weasyprint import CSS, HTML  # noqa: PLC0415

    # By being imported it tells Pillow to take damaged pictures everywhere in this process. What people
    # send us is checked by Pillow too, and there a picture that is cut off, or unpacks to too much, is refused.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return bytes(
        HTML(string=page).write_pdf(stylesheets=[CSS(string=each) for each in styles]) or b""
    )
