"""Text from data made harmless for Markdown and HTML: the one place where untrusted words are escaped.

Three kinds of text, one rule each. A *name* (metric, package, parameter) outside a small alphabet is replaced.
*Verbatim* text (paths, commands, log lines) goes into a code span or fence that it cannot leave. Our own *prose*, in
which a reason from data may stand, passes word by word; a word that Markdown or GitHub could read as more than a word
is set as code.
"""

import hashlib
import re
import unicodedata

_NAME = re.compile(r"[A-Za-z0-9_./:@%+=\-]{1,64}")
_PROSE = re.compile(r"[^\W_]|[.,:;()\[\]?%±≈≤≥=+−–—…→·↑↓×⁻∞'’“”\"/-]")
_ACTIVE = re.compile(
    r"://|www\.|^(?:mailto|xmpp):|:[^\W\d]|:[+-]|\bGH-\d"  # addresses, emoji, issues
    r"|\][(\[:]|\b[0-9a-f]{7,40}\b"  # links, commits
)
_LEADING = re.compile(r"[-+=]+|[0-9]+[.)]")  # what makes a list or a rule at the start of a line
_TAKEN_AWAY = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, bidi and invisible characters, unassigned ones


def visible(text: str) -> str:
    """The text without control, bidirectional and invisible characters; line ends and tabs become spaces."""
    spaced = re.sub(r"[\t\r\n\v\f\x85\u2028\u2029]+", " ", text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _TAKEN_AWAY)


def name(text: str) -> str:
    """A name as reports can show it: itself, or with every other character as `_` and a mark that keeps names apart."""
    if _NAME.fullmatch(text):
        return text
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return re.sub(r"[^A-Za-z0-9_./:@%+=\-]", "_", text)[:48] + f"-{mark}"


def code(text: str, limit: int = 300) -> str:
    """Untrusted text as a code span that it cannot leave, in a sentence or a table cell; cut at `limit` characters."""
    shown = visible(text).strip()
    if len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    shown = shown.replace("|", "¦")  # a bar ends a table cell even inside code
    if not shown:
        return "` `"
    runs = {len(run) for run in re.findall("`+", shown)}
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: str) -> str:
    """A sentence of ours, in which a reason or a name from data may stand: words that could act are set as code."""
    shown = visible(text)
    body = shown.lstrip(" ")
    words = re.split("([ \u00a0])", body)  # the spaces stay as they are, at the odd places
    first = code(words[0]) if _LEADING.fullmatch(words[0]) else _word(words[0])
    indent = " " if body != shown else ""  # one: four at the start of a line would make it code
    return "".join([indent, first, *(word if i % 2 == 0 else _word(word) for i, word in enumerate(words[1:]))])


def _word(word: str) -> str:
    harmless = all(_PROSE.fullmatch(c) for c in word) and not _ACTIVE.search(word)
    return word if harmless else code(word) if word else ""


def is_commit(text: str) -> bool:
    """Whether the text is a git commit, whole or shortened, of which GitHub may make a link."""
    return re.fullmatch(r"[0-9a-f]{7,40}", text) is not None


def fence(text: str) -> str:
    """Untrusted lines as a fenced block that they cannot close."""
    lines = [visible(line.replace("\t", "    ")) for line in re.split(r"\r\n|[\n\r]", text)]
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    mark = "`" * max(3, longest + 1)
    return "\n".join([f"{mark}text", *lines, mark])
