"""Whether a text holds what looks like a key, and a text without what does.

A key is known by the environment, where its name says so, by the shape that a service
gives to its own, or by the name that it stands behind.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

LEAST_CHARACTERS = 8
"""Of a value of the environment: shorter ones stand in any text by chance."""
LEAST_WORD = 16
"""Likewise, of one of letters alone."""
HIDDEN = "***"
"""Stands where a key was."""

_NAME = re.compile(
    r"(^|_)(API)?(KEYS?|TOKENS?|SECRETS?|PASS(WORD|WD|PHRASE)?|CREDENTIALS?)(_|$)",
    re.IGNORECASE,
)
"""Of a variable of the environment, or an option, whose value is a secret."""

_SHAPES = re.compile(
    rb"""
    \b(AKIA|ASIA)[0-9A-Z]{16}\b                      # AWS
    | \bAIza[\w-]{35}                                # Google
    | \b(gh[pousr]|github_pat|hf)_\w{30,}            # GitHub, Hugging Face
    | \bxox[abprs]-[\w-]{10,}                        # Slack
    | \bsk-[\w-]{20,}                                # OpenAI, Anthropic
    | \beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}     # a signed token (JWT)
    | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----
      ([A-Za-z0-9+/=\s]+-----END\ [A-Z\ ]*PRIVATE\ KEY-----)?
    | (?P<user>://[^/\s:@"']*:)(?!\*+@)[^/\s@"']+@    # a password in a URL
    | (?P<name>(secret|token|passw(or)?d|(api|access)_?key)\w*["']?\s*[:=]\s*["']?)
      (?=[a-z+/_]*\d)[a-z0-9+/_]{16,}=*(?P<end>["'\s]|$)   # of nobody in particular
    """,
    re.VERBOSE | re.IGNORECASE,
)


def holds_secret(text: bytes) -> bool:
    """Whether a text has a secret of this process's environment, or the shape of one.

    Args:
        text: of a file, in any encoding that keeps ASCII as it is.
    """
    return secret_line(text) > 0


def secret_line(text: bytes) -> int:
    """The line of a text, from 1, on which the first secret begins; 0 for none.

    Args:
        text: as for `holds_secret`.
    """
    places = [text.find(one) for one in _of_environment()]
    if found := _SHAPES.search(text):
        places.append(found.start())
    first = min((place for place in places if place >= 0), default=-1)
    return text.count(b"\n", 0, first) + 1 if first >= 0 else 0


def redact(text: str) -> str:
    """The text with `***` where it held a secret, and all else as it was."""
    content = text.encode("utf-8", "surrogateescape")
    # A longer one may hold a shorter one.
    for secret in sorted(_of_environment(), key=len, reverse=True):
        content = content.replace(secret, HIDDEN.encode())
    content = _SHAPES.sub(_hidden, content)
    return content.decode("utf-8", "surrogateescape")


def redact_tree(value: Any) -> Any:  # noqa: ANN401 any tree that JSON holds
    """The same of every text in nested dicts and lists."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact_tree(key): redact_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_tree(item) for item in value]
    return value


def redact_words(words: Sequence[str]) -> list[str]:
    """A command line with `***` for every secret, also behind a name that tells it.

    `--api-key WORD`, `--api-key=WORD` and `api_key=WORD` lose the word, whatever it is.
    Dotted names are the config's, which holds no secret.
    """
    kept = []
    for before, word in zip(["", *words], words, strict=False):
        name, equals, _ = word.partition("=")
        is_value = before.startswith("-") and "=" not in before
        if equals and "." not in name and is_secret_name(name):
            kept.append(f"{name}={HIDDEN}")
        elif is_value and not word.startswith("-") and is_secret_name(before):
            kept.append(HIDDEN)
        else:
            kept.append(redact(word))
    return kept


def is_secret_name(name: str) -> bool:
    """Whether a name says that what it names is a secret: `WANDB_API_KEY`."""
    return bool(_NAME.search(name.strip("-").replace("-", "_")))


def _hidden(found: re.Match[bytes]) -> bytes:
    """What stands for a secret, with the name, or the user, that it stands behind."""
    if (user := found["user"]) is not None:
        return user + HIDDEN.encode() + b"@"
    if (name := found["name"]) is not None:
        return name + HIDDEN.encode() + found["end"]
    return HIDDEN.encode()


def _of_environment() -> Iterator[bytes]:
    """The secrets of this process's environment, as they are and as URLs have them."""
    for name, value in os.environ.items():
        if _NAME.search(name) and _is_telling(value):
            yield from {os.fsencode(value), quote(value, safe="").encode()}


def _is_telling(value: str) -> bool:
    """Whether a value found in a text is hardly there by chance."""
    return len(value) >= (LEAST_WORD if value.isalpha() else LEAST_CHARACTERS)
