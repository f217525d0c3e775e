"""Writes texts of strangers into Markdown, so that they show as they are and add no markup, line or table cell."""

import html
import re

#: What is markup anywhere, at the edge of a word, or at the start of a line.
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<!\w)[_@]|_(?!\w)|^[#+=>-]|^\d+(?=[.)])")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


def one_line(text: object) -> str:
    """The text with every run of spaces, line breaks and control characters as one space."""
    return _BREAKS.sub(" ", str(text)).strip()


def plain(text: object) -> str:
    """The text as Markdown that shows it: one line, HTML and Markdown escaped, links and addresses without effect."""
    shown = html.escape(one_line(text), quote=False)
    escaped = _SPECIAL.sub(lambda found: "".join(f"&#{ord(one)};" for one in found[0]), shown)
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")


def code(text: object) -> str:
    """The text as a code span, in a table cell too; a backtick in it becomes an apostrophe."""
    return f"`{_BREAKS.sub(' ', str(text)).replace('`', chr(39)).replace('|', '¦') or ' '}`"
