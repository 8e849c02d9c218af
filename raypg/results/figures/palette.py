"""The colours of figures: Okabe and Ito's, which the colour-blind can tell apart.

Okabe and Ito 2008, "Color universal design". A mark names a role; a theme says what
that is. `ROLE~` is the same colour, translucent, for bands and what lies behind.
"""

from collections.abc import Mapping
from typing import Literal

SERIES = ("blue", "vermillion", "green", "purple", "orange", "sky", "ink")
"""For arms, the first one first; yellow is left out, as paper does not show it."""

SHADES = ("shade0", "shade1", "shade2", "shade3", "shade4")
"""From the worst to the best: the better, the more it stands out."""

BY_STATUS: Mapping[str, str] = {
    "completed": "blue",
    "cached": "sky",
    "stopped": "orange",
    "failed": "vermillion",
    "interrupted": "purple",
    "running": "grey",
}
"""The role of a trial's status."""

_OKABE_ITO = {
    "blue": "#0072b2",
    "vermillion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
}
_BAND = 0.18
_ROLES = {
    "light": {
        **_OKABE_ITO,
        "ink": "#1b1f24",
        "grey": "#8a929b",
        "faint": "#c3c9d0",
        "grid": "#e4e8ec",
        "paper": "#ffffff",
        **dict(
            zip(
                SHADES,
                ("#c6d3df", "#9db9d3", "#6a9bc3", "#2f7bb0", "#00416b"),
                strict=True,
            )
        ),
    },
    "dark": {
        **_OKABE_ITO,
        # The blue of the original has a contrast of 3 to 1 there; this one has 5.
        "blue": "#3b9bdc",
        "ink": "#e6e9ed",
        "grey": "#8a929b",
        "faint": "#4a525b",
        "grid": "#2b3138",
        "paper": "#15191e",
        **dict(
            zip(
                SHADES,
                ("#35434f", "#426079", "#4c83ac", "#63a9dc", "#b5e0ff"),
                strict=True,
            )
        ),
    },
}


def palette(theme: Literal["light", "dark"]) -> dict[str, str]:
    """The colour of every role under a theme, as CSS reads it."""
    roles = _ROLES[theme]
    bands = {f"{role}~": _translucent(color) for role, color in roles.items()}
    return {**roles, **bands}


def _translucent(color: str) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_BAND})"
