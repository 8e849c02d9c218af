"""How pydantic treats every dataclass that comes from a user: strictly."""

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", strict=True, validate_default=True)
"""Unknown keys are errors, and a string is never taken for a number.

`config.load` relaxes the second for what comes from YAML and the command line.
"""
