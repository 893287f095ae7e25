"""Words of a Dockerfile as BuildKit splits and expands them: variables, flags, heredocs. Doubt is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"\$(?:(?P<bare>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*))")
_OPERATOR = re.compile(r":?[-+]")
_PLAIN_BRACES = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::?[-+][A-Za-z0-9_./:@-]*)?\}")
_HEREDOC = re.compile(r"[0-9]*<<(?P<chomp>-?)(?P<word>[^<]+)")
_DELIMITER = re.compile(r"(?P<quote>['\"]?)(?P<name>[A-Za-z0-9_.\-]+)(?P=quote)")
_UNUSUAL = re.compile(r"['\"\\`]")


class Doubtful(Exception):
    """Builders may read this in more than one way, or in one that is not followed here. The text says what it is."""


class Undefined(Exception):
    """A variable without a value. The text is its name."""


@dataclass(frozen=True)
class Heredoc:
    """`<<name`, or `<<-name`, which ignores tabs before its end."""

    name: str
    chomp: bool

    def ends(self, line: str) -> bool:
        """Whether `line` ends the text."""
        bare = line.rstrip("\r\n")
        return (bare.lstrip("\t") if self.chomp else bare) == self.name


def expand(word: str, values: Mapping[str, str]) -> str:
    """`word` with its variables replaced: $A, ${A}, ${A-x}, ${A:-x}, ${A+x}, ${A:+x}, one inside another.

    A word that is quoted as a whole loses its quotes. Raises Undefined or Doubtful.
    """
    quote = word[0] if len(word) > 1 and word[0] in "'\"" and word[-1] == word[0] else ""
    bare = word[1:-1] if quote else word
    if _UNUSUAL.search(bare):
        raise Doubtful("quotes or backslashes inside a word")
    return bare if quote == "'" else _expanded(bare, values)


def _expanded(text: str, values: Mapping[str, str]) -> str:
    done = ""
    while "$" in text:
        before, text = text[: text.index("$")], text[text.index("$") :]
        found = _VARIABLE.match(text)
        if found is None:
            raise Doubtful(f"{text} is not a variable")
        if found["bare"] is not None:
            value, text = _value(found["bare"], values), text[found.end() :]
        else:
            inner, text = _until_brace(text[found.end() :])
            value = _braced(found["name"], inner, values)
        done += before + value
    return done + text


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise Undefined(name)
    return values[name]


def _until_brace(text: str) -> tuple[str, str]:
    """`text` up to the brace that closes the one before it, and what follows."""
    depth = 1
    for at, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return text[:at], text[at + 1 :]
    raise Doubtful("a ${ that is not closed")


def _braced(name: str, rest: str, values: Mapping[str, str]) -> str:
    if not rest:
        return _value(name, values)
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise Doubtful(f"${{{name}{rest}}}: only ${{{name}:-…}} and ${{{name}:+…}} are read")
    there = bool(values.get(name)) if operator[0].startswith(":") else name in values
    if operator[0].endswith("-"):
        return values[name] if there else _expanded(rest[operator.end() :], values)
    return _expanded(rest[operator.end() :], values) if there else ""


def names_in(word: str) -> tuple[str, ...]:
    """The variables that `word` mentions."""
    return tuple(re.findall(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)", word))


def split(text: str, escape: str) -> list[str]:
    """`text` split at white space outside of quotes; quotes and escapes are kept. Raises Doubtful."""
    words: list[str] = []
    word, quote, escaped = "", "", False
    for character in text:
        if escaped or (quote and character not in (quote, escape)) or (quote == "'" and character == escape):
            word, escaped = word + character, False
        elif character == escape:
            word, escaped = word + character, True
        elif character in "'\"":
            word, quote = word + character, "" if quote else character
        elif character in " \t":
            words += [word] if word else []
            word = ""
        else:
            word += character
    if quote or escaped:
        raise Doubtful("a quote that is not closed" if quote else f"a {escape} at the end")
    return words + ([word] if word else [])


def flags(text: str) -> tuple[tuple[str, ...], str]:
    """The leading words of `text` that begin with `--`, and the rest. Raises Doubtful for quoted ones."""
    found: list[str] = []
    rest = text.strip(" \t")
    while rest.startswith("--"):
        word, *after = re.split(r"[ \t]+", rest, maxsplit=1)
        rest = after[0] if after else ""
        if _UNUSUAL.search(word):
            raise Doubtful("quotes or backslashes in a flag")
        if word == "--":
            break
        found.append(word)
    return tuple(found), rest


def heredocs(line: str, escape: str) -> tuple[Heredoc, ...]:
    """The texts that follow the instruction `line` (RUN, COPY or ADD, not in JSON form), in order. Raises Doubtful."""
    if "<<" not in line:
        return ()
    if escape != "\\":
        raise Doubtful("<< under '# escape='")
    if any(not _PLAIN_BRACES.match(line, at.start()) for at in re.finditer(r"\$\{", line)):
        raise Doubtful("<< in one line with an expression in ${…}")
    found = []
    for match in filter(None, map(_HEREDOC.fullmatch, split(line, escape))):
        delimiter = _DELIMITER.fullmatch(match["word"])
        if delimiter is None:
            raise Doubtful(f"<<{match['word']}: expected a plain name, such as <<EOF")
        found.append(Heredoc(delimiter["name"], match["chomp"] == "-"))
    return tuple(found)
