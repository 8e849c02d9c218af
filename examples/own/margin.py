"""A metric of one's own: by how much the right class leads, or trails, the next one.

python -m raypg.train train.metrics=examples/own/margin.py:margin
"""

import torch
from torch import Tensor


def margin(logits_NK: Tensor, labels_N: Tensor) -> float:
    """The mean over examples of the label's logit above the largest other one."""
    right_N1 = logits_NK.gather(1, labels_N[:, None])
    others_NK = logits_NK.scatter(1, labels_N[:, None], -torch.inf)
    return float((right_N1[:, 0] - others_NK.max(1).values).mean())


margin.mode = "max"  # type: ignore[attr-defined] # or "min", where less is better
