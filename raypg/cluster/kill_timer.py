"""A timer in the kernel that ends this process, whatever state it is in."""

import ctypes
import signal

# Of time.h and signal.h, on Linux.
_CLOCK_MONOTONIC, _SIGEV_SIGNAL = 1, 0


class _SigEvent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("padding", ctypes.c_char * 48),
    )


class _TimerSpec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class KillTimer:
    """Sends SIGKILL to this process once it is due, unless it is set anew.

    The kernel does so to a process that is stopped, and to one whose interpreter never
    gets to run another thread. Elsewhere than on Linux it does nothing. Forked children
    have none.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._id = ctypes.c_void_p()
        create = getattr(self._libc, "timer_create", None)
        event = _SigEvent(signal=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        self._is_there = create is not None and not create(
            _CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._id)
        )

    def set(self, seconds: float) -> None:
        """Be due after so many seconds, and not before."""
        if self._is_there:
            whole = int(seconds)
            spec = _TimerSpec(0, 0, whole, int((seconds - whole) * 1e9))
            self._libc.timer_settime(self._id, 0, ctypes.byref(spec), None)

    def clear(self) -> None:
        """Be due no more."""
        self.set(0)
