"""What this machine's processor is made for."""

from collections.abc import Iterable
from pathlib import Path

from raypg.config import Config

BF16_FLAGS = frozenset({"avx512_bf16", "avx_ne_convert", "amx_bf16", "bf16"})
"""Instructions for bf16, as Linux calls them (x86 and ARM)."""

SLOW_BF16 = (
    "train.precision=bf16: this processor has no instructions for it; fp32 is several"
    " times faster here."
)


def lacks_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether bf16 is emulated here (6 times slower than fp32 on an EPYC with AVX2).

    False where the system does not tell: it knows no better.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    told = (line for line in lines if line.startswith(("flags", "Features")))
    flags = next(told, "").partition(":")[2].split()
    return bool(flags) and BF16_FLAGS.isdisjoint(flags)


def precision_notes(configs: Iterable[Config], device: str) -> list[str]:
    """What to tell whoever trains `configs` on this machine's `device`."""
    is_slow = device == "cpu" and any(c.train.precision == "bf16" for c in configs)
    return [SLOW_BF16] if is_slow and lacks_bf16() else []
