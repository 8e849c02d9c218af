"""Whether a text holds what looks like a key: such a text is not kept.

A key is known by the environment, where its name says so, or by the shape that a
service gives to its own.
"""

import os
import re

LEAST_CHARACTERS = 8
"""Of a value of the environment: shorter ones stand in any text by chance."""
LEAST_WORD = 16
"""Likewise, of one of letters alone."""

_NAME = re.compile(
    r"(^|_)(API)?(KEYS?|TOKENS?|SECRETS?|PASS(WORD|WD|PHRASE)?|CREDENTIALS?)(_|$)",
    re.IGNORECASE,
)
"""Of a variable of the environment whose value is a secret."""

_SHAPES = re.compile(
    rb"""
    \b(AKIA|ASIA)[0-9A-Z]{16}\b                      # AWS
    | \bAIza[\w-]{35}                                # Google
    | \b(gh[pousr]|github_pat|hf)_\w{30,}            # GitHub, Hugging Face
    | \bxox[abprs]-[\w-]{10,}                        # Slack
    | \bsk-[\w-]{20,}                                # OpenAI, Anthropic
    | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----
    | ://[^/\s:@"']+:[^/\s:@"']+@                    # a password in a URL
    | (secret|token|passw(or)?d|(api|access)_?key)\w*["']?\s*[:=]\s*["']?
      (?=[a-z+/_]*\d)[a-z0-9+/_]{16,}=*(["'\s]|$)    # of nobody in particular
    """,
    re.VERBOSE | re.IGNORECASE,
)


def holds_secret(text: bytes) -> bool:
    """Whether a text has a secret of this process's environment, or the shape of one.

    Args:
        text: of a file, in any encoding that keeps ASCII as it is.
    """
    if _SHAPES.search(text):
        return True
    secrets = (value for name, value in os.environ.items() if _NAME.search(name))
    return any(os.fsencode(value) in text for value in secrets if _is_telling(value))


def _is_telling(value: str) -> bool:
    """Whether a value found in a text is hardly there by chance."""
    return len(value) >= (LEAST_WORD if value.isalpha() else LEAST_CHARACTERS)
