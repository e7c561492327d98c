"""HTML that somebody else wrote: as words, and as something that a page of ours may show. Pure."""

import html
import re
from typing import Final

import nh3

HTML_CHARS_MAX: Final = 300_000  # What is nested on purpose takes the square of its depth.
OPEN_MAX: Final = 3_000  # Tags that are open at once.

TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
ALONE: Final = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
UNREAD: Final = {"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"}
NEW_LINE: Final = {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "table", "hr"}
CELL: Final = {"td", "th"}
SHOWN: Final = {*NEW_LINE, *CELL, "a", "abbr", "b", "caption", "code", "dd", "del", "dl", "dt", "em", "i", "ins", "ol"}
SHOWN.update({"s", "small", "span", "strong", "sub", "sup", "tbody", "tfoot", "thead", "u", "ul"})


def words_of(written: str) -> str:
    """What a reader would read of it, in lines."""
    bare = plain(written[:HTML_CHARS_MAX], NEW_LINE | CELL)
    laid = re.sub(r"\s+", " ", bare)
    laid = re.sub(r"</?(?:td|th)>", "\t", laid)
    laid = re.sub(r" ?<(?:br|hr)> ?", "\n", laid)
    laid = re.sub(r"</?(?:p|h[1-6]|blockquote)>", "\f", laid)
    laid = re.sub(r"</?(?:div|li|tr|pre|table)>", "\v", laid)  # However many end and begin here: one new line.
    laid = re.sub(r"[ \v\f]*[\v\f][ \v\f]*", lambda found: "\n\n" if "\f" in found[0] else "\n", laid)
    said = html.unescape(laid).replace("\xa0", " ")
    said = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]*\t[ \t]*", "\t", said))
    return re.sub(r"\n{3,}", "\n\n", said).strip()


def plain(written: str, tags: set[str]) -> str:
    """Well-formed, with these tags and no attributes. What is nested past reason becomes words only."""
    if too_nested(written):
        return html.escape(html.unescape(re.sub(r"<[^<>]*>", " ", written)))
    return nh3.clean(written, tags=tags, attributes={}, clean_content_tags=UNREAD, strip_comments=True)


def too_nested(written: str) -> bool:
    """Whether more tags stand open at once than anybody writes: a reader of HTML would take minutes over it."""
    standing: dict[str, int] = {}
    total = 0
    for found in TAG.finditer(written):
        name = found[2].lower()
        if name in ALONE:
            continue
        count = standing.get(name, 0)
        step = -1 if found[1] and count else 0 if found[1] else 1
        standing[name] = count + step
        total += step
        if total > OPEN_MAX:
            return True
    return False


def safe_html(raw: bytes) -> str:
    """The HTML of a mail, for a page of ours: no script, no style, no form, no picture, nothing fetched.

    Links lead out with `rel="noopener noreferrer nofollow"`, to http, https, mailto and tel only.
    """
    written = raw.decode("utf-8", "replace")[:HTML_CHARS_MAX]
    if too_nested(written):
        return plain(written, set())
    return nh3.clean(
        written,
        tags=SHOWN,
        attributes={"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
        clean_content_tags=UNREAD,
        strip_comments=True,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )
