import subprocess
import sys

import numpy as np
from sklearn.datasets import load_digits

from raypg.data import DataConfig, load_dataset
from raypg.data.digits import decode_digits


def test_digits_are_those_of_scikit_learn() -> None:
    ours, theirs = load_dataset(DataConfig()), load_digits()
    splits = (ours.train, ours.val, ours.test)
    found = np.concatenate([split.images_NCHW for split in splits])[:, 0]
    levels = np.rint(found / 255 * 16).reshape(len(found), -1)
    labels = np.concatenate([split.labels_N for split in splits])
    rows = sorted(map(tuple, np.c_[levels, labels].astype(int).tolist()))
    assert rows == sorted(map(tuple, np.c_[theirs.data, theirs.target].astype(int)))


def test_grey_levels_reach_from_black_to_white() -> None:
    levels = np.unique(decode_digits({}).train.images_NCHW)
    assert len(levels) == 17
    assert levels[0] == 0
    assert levels[-1] == 255


def test_digits_are_split_into_stratified_parts_of_the_stated_sizes() -> None:
    digits = load_dataset(DataConfig())
    sizes = [len(split) for split in (digits.train, digits.val, digits.test)]
    assert sizes == [1197, 300, 300]
    for split in (digits.val, digits.test):
        counts = np.bincount(split.labels_N)
        assert counts.min() >= 28
        assert counts.max() <= 32


def test_loading_imports_no_torch_and_no_sklearn() -> None:
    program = (
        "import sys, raypg.data as d; d.load_dataset(d.DataConfig());"
        "print([m for m in ('torch', 'sklearn', 'torchvision') if m in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
