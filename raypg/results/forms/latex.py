r"""A table as a paper includes it: booktabs, no float, ready for `\input`."""

import re
from collections.abc import Iterable, Sequence

_CHARACTERS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "%": r"\%",
        "&": r"\&",
        "#": r"\#",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",  # which babel's German and others would take for a command
        "±": r"$\pm$",
        "×": r"$\times$",
        "→": r"$\rightarrow$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "−": "$-$",
    }
)
_NUMBER = re.compile(r"<?[+-]?[\d.,]+(e[+-]?\d+)?( ± [\d.,]+(e[+-]?\d+)?)?")
_EXPONENT = re.compile(r"e\+?(-?)0*(\d+)")
_PLAIN = re.compile(r"[\d.]+")
_MISSING = "-"
"""A cell without a value; LaTeX sets a dash for it, not a hyphen."""


def tabular(
    header: Sequence[str], lines: Sequence[Sequence[str]], right: Sequence[bool]
) -> str:
    """The table; cells of columns that are aligned right are numbers where they can be.

    Args:
        header: names of the columns, at least one.
        lines: a cell a column, without line breaks.
        right: which columns hold numbers.
    """
    columns = "".join("r" if is_right else "l" for is_right in right)
    body = [
        _row(
            number(cell) if is_right else escape(cell)
            for cell, is_right in zip(line, right, strict=True)
        )
        for line in lines
    ]
    parts = [
        comment([r"needs \usepackage{booktabs}"]),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _row(map(escape, header)),
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(parts)


def comment(sentences: Iterable[str]) -> str:
    """Lines that LaTeX skips, one a sentence."""
    return "\n".join(f"% {' '.join(sentence.split())}" for sentence in sentences)


def number(text: str) -> str:
    """A number with its signs as mathematics; what is none, or needs none, as text."""
    if _PLAIN.fullmatch(text) or not _NUMBER.fullmatch(text):
        return escape(text)
    text = _EXPONENT.sub(r" \\times 10^{\1\2}", text).replace("±", r"\pm")
    # Without braces a comma is punctuation, with a space behind it.
    return f"${text.replace(',', '{,}')}$"


def escape(text: str) -> str:
    """Text that LaTeX sets as it is; characters that no font can show are left out."""
    if text == _MISSING:
        return "--"
    shown = "".join(char for char in text if char.isprintable())
    # Else two hyphens of an option become a dash.
    return shown.translate(_CHARACTERS).replace("--", "-{}-")


def _row(cells: Iterable[str]) -> str:
    line = " & ".join(cells)
    # The command that ended the line before would take these for its own arguments.
    return rf"{'{}' if line.startswith(('[', '*')) else ''}{line} \\"
