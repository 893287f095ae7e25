"""What becomes of Markdown: cmark-gfm, set as for comments, and what GitHub would make a link or mention of."""

import re
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options


class Seen(HTMLParser):
    """Tags of a page, and its text outside of code."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.comments: list[str] = []
        self.text = ""
        self.codes: list[str] = []
        self._depth = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "code":
            self.codes.append("")
        self._depth += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in ("code", "pre")

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.codes[-1] += data
        else:
            self.text += data


def rendered(markdown: str) -> Seen:
    """As a comment is rendered, before GitHub's sanitiser."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG | Options.CMARK_OPT_HARDBREAKS
    return Seen(cmarkgfm.github_flavored_markdown_to_html(markdown, options))


def acts(text: str) -> list[str]:
    """What GitHub, after cmark, would make a mention, an issue or an emoji of."""
    return re.findall(r"@\w|#\d|\bGH-\d|:[+\w-]+:|\b[0-9a-f]{7,40}\b|https?:|www\.", text)
