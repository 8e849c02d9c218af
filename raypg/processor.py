"""What computes: its name, and whether this machine's processor knows bf16."""

import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from raypg.config import Config

BF16_FLAGS = frozenset({"avx512_bf16", "avx_ne_convert", "amx_bf16", "bf16"})
"""Instructions for bf16, as Linux calls them (x86 and ARM)."""

SLOW_BF16 = (
    "train.precision=bf16 is emulated on this processor: fp32 is likely faster here."
)


def lacks_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether bf16 is emulated here; False where the system does not tell.

    Read from Linux: `torch.cpu.get_capabilities` says it, too, and costs a driver that
    has no other use for torch the seconds of its import. How slow it is: a DenseNet-10
    (k=10) on Fashion-MNIST took six times as long as in fp32 (one run; torch 2.15, EPYC
    with AVX2 alone, one core).
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    told = (line for line in lines if line.startswith(("flags", "Features")))
    flags = next(told, "").partition(":")[2].split()
    return bool(flags) and BF16_FLAGS.isdisjoint(flags)


@cache
def processor_name(device: str, cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """What a trial is trained on, as its maker calls it; empty where nobody tells.

    Args:
        device: `cpu` or `cuda`, where the current GPU is meant.
        cpuinfo: read where Linux has it.
    """
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor()
    told = (line for line in lines if line.startswith("model name"))
    return next(told, "").partition(":")[2].strip() or platform.processor()


def precision_notes(configs: Iterable[Config], device: str) -> list[str]:
    """What to tell whoever trains `configs` on this machine's `device`."""
    is_slow = device == "cpu" and any(c.train.precision == "bf16" for c in configs)
    return [SLOW_BF16] if is_slow and lacks_bf16() else []
