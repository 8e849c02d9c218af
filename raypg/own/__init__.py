"""Components that a user has written: `my_net.py:MyNet`, or `my_pkg.nets:MyNet`.

What needs pydantic is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING

from raypg.later import load_later
from raypg.own.fault import OwnFault, OwnFaults
from raypg.own.names import is_own, own_name, portable_name
from raypg.own.objects import forget, load_object

if TYPE_CHECKING:
    from raypg.own.signature import (
        OwnConfig,
        OwnOptimizerConfig,
        arguments_of,
        config_class,
    )

__all__ = [
    "OwnConfig",
    "OwnFault",
    "OwnFaults",
    "OwnOptimizerConfig",
    "arguments_of",
    "config_class",
    "forget",
    "is_own",
    "load_object",
    "own_name",
    "portable_name",
]

_LATER = ("OwnConfig", "OwnOptimizerConfig", "arguments_of", "config_class")
__getattr__ = load_later(__name__, dict.fromkeys(_LATER, "raypg.own.signature"))
