"""What a trial takes from trials before it: weights, a teacher's answers."""

from collections.abc import Sequence

from raypg.config import Config
from raypg.sources.pretrained import check_pretrained
from raypg.sources.starts import check_starts
from raypg.sources.teachers import check_teachers
from raypg.store import Store


def check_sources(configs: Sequence[Config], store: Store) -> None:
    """See that what trials take from others is there, and fits them.

    Args:
        configs: of the trials.
        store: that has the others.

    Raises:
        ConfigError: something is not, or does not.
        DataError: a library's weights are not here.
    """
    check_starts(configs, store)
    check_teachers(configs, store)
    check_pretrained(configs)
