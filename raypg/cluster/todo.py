"""What is left to train of a sweep, looked for before a cluster is started for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from raypg.cluster.prepare import Question, read_known
from raypg.entries import Row
from raypg.experiment import Trial, look_ahead
from raypg.store import Store


@dataclass(frozen=True)
class Todo:
    """What the store holds of a sweep, and how far that decides what it trains.

    Attributes:
        memo: completed trials of the whole store, by fingerprint; none for a sweep that
            trains all anew.
        ahead: the sweep's next trials, up to the first that needs training.
    """

    memo: Mapping[str, Row]
    ahead: Sequence[Trial]

    @property
    def needs_training(self) -> bool:
        """Whether a trial is left that the store does not hold."""
        return bool(self.ahead) and self.ahead[-1].key not in self.memo


def find_todo(
    question: Question, store: Store, tell: Callable[[str], None], *, is_fresh: bool
) -> Todo:
    """Go through what comes next, for as long as the store holds it.

    Whether a race or a path is over follows from what its trials gave: the proposals
    are told of each, as they are while a sweep runs.

    Args:
        question: what is asked, with what earlier sessions left told to its proposals.
        store: where to look.
        tell: told why trials that resemble those asked for do not count.
        is_fresh: whether to train also what the store holds.
    """
    memo = {} if is_fresh else read_known(question, store, tell)
    metric = question.space_file.space.metric
    return Todo(memo, look_ahead(question.proposals, memo, metric))
