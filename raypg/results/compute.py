"""pyarrow.compute, which is loaded when something of it is first asked for (PEP 562).

Loading it takes as long as listing a thousand sweeps by their digests, which needs none
of it.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:  # noqa: ANN401
    return getattr(import_module("pyarrow.compute"), name)
