"""Following a sweep to its end, whichever that is."""

import sys
import time

from rich.console import Console

from raypg.results.query import Results
from raypg.results.readable import print_answer
from raypg.results.watch.lines import Lines
from raypg.results.watch.look import Look, look_at
from raypg.results.watch.screen import Screen


def watch_sweep(results: Results, sweep: str, every_s: float) -> None:
    """Tell how a sweep goes on until nobody writes it any more, then print its answer.

    Args:
        results: of the store.
        sweep: its name.
        every_s: seconds between two looks.

    Raises:
        ResultsError: There is no such sweep, or no longer.
    """
    look = look_at(results, sweep)
    if look.is_over and not look.rows:
        # A driver writes what its sweep is an instant before it takes its lock.
        time.sleep(every_s)
        look = look_at(results, sweep)
    if not look.is_over:
        console = Console()
        is_screen = sys.stdout.isatty() and not console.is_dumb_terminal
        with Screen(results.store, console) if is_screen else Lines() as audience:
            look = _follow(results, look, every_s, audience)
        print()
    _print_end(results, look)


def _follow(
    results: Results, look: Look, every_s: float, audience: Screen | Lines
) -> Look:
    """The last look, once the sweep is over."""
    audience.show(look)
    while not look.is_over:
        look = _next_look(results, look.sweep, every_s, audience)
        audience.show(look)
    return look


def _next_look(
    results: Results, sweep: str, every_s: float, audience: Screen | Lines
) -> Look:
    """The next look; a store that does not answer is asked until it does."""
    has_said = False
    while True:
        time.sleep(every_s)
        try:
            return look_at(results, sweep)
        except OSError as cause:
            if not has_said:
                reason = " ".join(str(cause).split())
                audience.say(f"the store does not answer, asking again: {reason}")
            has_said = True


def _print_end(results: Results, look: Look) -> None:
    print_answer(results, look.sweep)
    store = results.store.option
    if num_failed := look.counts["failed"]:
        show = f"python -m raypg.results show {look.sweep} {store}"
        print(f"Failed: {num_failed}. Why: {show}")
    if look.num_unfinished:
        program = "train" if look.kind == "trial" else "tune"
        print(
            f"{look.sweep} ended with {look.num_unfinished} of {look.planned} trials "
            f"unfinished; go on with: python -m raypg.{program} --resume {look.sweep} "
            f"{store}"
        )
