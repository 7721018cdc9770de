"""Names of folders, JSON paths and options, written one way on both sides."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cache


def folder(path: str) -> str:
    """A mount path without a slash at its end."""
    return path.rstrip("/") or "/"


def json_path(path: str) -> str:
    """A JSON path with dots alone: `a['b'][0]` is `a.b.0`."""
    found = re.findall(r"[^.\[\]'\"]+", path.removeprefix("$"))
    return ".".join(found)


def option_name(path: str) -> str:
    """A field of a request as the contract's option: `TransformInput.SplitType` is `split-type`."""
    name = path.rpartition(".")[2].replace("InMB", "Mb")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


# Words that people use for one thing; the first stands for all.
_SAME_WORDS = (
    "train training trainer fit fitting",
    "test testing holdout",
    "validation val valid",
    "evaluate evaluation eval score scoring measure metrics assess assessment",
    "prepare preparation preprocess preprocessing process processing split clean ingest extract load",
    "register registration upload publish package push",
    "check condition gate decide is",
    "fail failure stop reject abort error",
    "data dataset rows row table records set sets",
    "input source",
    "address uri url path",
    "least min minimum threshold lowest",
    "max maximum most",
    "machine instance",
    "group parent",
    "approval approved status",
    "number num n count",
)
_WORDS = {word: words.split()[0] for words in _SAME_WORDS for word in words.split()}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@cache
def words_of(name: str) -> frozenset[str]:
    """The words of a name, each as the one that stands for its like."""
    found = (word.lower() for word in _WORD.findall(name))
    return frozenset(_WORDS.get(word) or _WORDS.get(word.removesuffix("s")) or word.removesuffix("s") for word in found)


@cache
def likeness(first: str, second: str) -> float:
    """How alike two names are, from 0 to 1: by their letters, or by their words."""
    letters = SequenceMatcher(None, plain(first), plain(second)).ratio()
    one, two = words_of(first), words_of(second)
    common = 2 * len(one & two) / (len(one) + len(two)) if one and two else 0.0
    return max(letters, common)


def plain(name: str) -> str:
    """A name without everything that is no letter or digit, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def label_of(key: str, text: str) -> tuple[str, str]:
    """A tag as a label of Google Cloud: lower-case letters, digits, `_` and `-`, at most 63, a letter first."""
    plain_key, plain_text = (re.sub(r"[^a-z0-9_-]", "-", each.lower()) for each in (key, text))
    return re.sub(r"^[^a-z]+", "", plain_key)[:63] or "tag", plain_text[:63]
