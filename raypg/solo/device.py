"""Whether this machine has what a trial is to be trained or tested on."""

from raypg.errors import ConfigError


def check_device(device: str, where: str, fix: str) -> None:
    """Refuse a GPU that is not there, before anything starts.

    Args:
        device: `cpu` or `cuda`.
        where: who asks for it.
        fix: what to do instead.

    Raises:
        ConfigError: it is `cuda`, and torch can use none.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError(where, "must be here", "no GPU that torch can use", fix)
