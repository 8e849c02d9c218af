"""A data set of the user's own: a function that gives arrays, once for each setting.

    def blobs(num_examples: int = 1000, noise: float = 0.5):
        return {"train": (images, labels), "test": (images, labels),
                "class_names": ["disc", "ring"]}

Images are uint8, N×H×W, N×H×W×C or N×C×H×W with one channel or three; `val`, `test` and
`class_names` may be left out. Its parameters are keys under `data.`, but for `root`,
which is given `data.root`; it is called again when its source, a key or a file below
`root` changes.
"""

import hashlib
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from raypg.data.arrays import save_images, save_labels
from raypg.data.config import DividedConfig
from raypg.data.dataset import DatasetSpec
from raypg.data.divide import divide
from raypg.data.labels import empty_classes, encode_labels
from raypg.data.places import default_cache_dir
from raypg.data.recipe import Recipe, Written, load_recipe
from raypg.errors import DataError
from raypg.own import OwnFault, arguments_of, load_object
from raypg.own.fault import fault_of
from raypg.own.sources import sources_of
from raypg.strict import STRICT

_SPLITS = ("train", "val", "test")
_EXAMPLE = 'Return {"train": (images, labels)}, and "val", "test", "class_names".'
_RULE = "must give its images and labels"

Images = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class OwnDataConfig(DividedConfig):
    """What the configs of all data sets of a user's own are."""

    name: str = ""
    """A file or a module, a colon, and what it defines."""


def _stamp(config: OwnDataConfig) -> str:
    texts = repr(sorted(sources_of(config.name).files.items()))
    code = hashlib.md5(texts.encode()).hexdigest()
    return f"{code} {' '.join(_stamps(config.root))}"


def _stamps(root: str) -> Iterator[str]:
    """What changes when a file below `data.root` is replaced."""
    if not root:
        return
    top = Path(root).expanduser().absolute()
    folders = [*os.walk(top)] if top.is_dir() else []
    inner = [Path(folder) / name for folder, _, names in folders for name in names]
    for path in sorted(inner or [top]):
        if path.is_file():
            stat = path.stat()
            yield f"{path}:{stat.st_size}:{stat.st_mtime_ns}"


def _spec(config: OwnDataConfig) -> DatasetSpec:
    whole = load_recipe(OWN_DATA, config, default_cache_dir())
    return DatasetSpec(
        image_shape=whole.image_shape,
        num_classes=whole.num_classes,
        num_train=len(whole.train),
        num_val=len(whole.val),
        num_test=len(whole.test),
    )


def _write(config: OwnDataConfig, folder: Path) -> Written:
    given = _call(config)
    pairs = {s: _pair(config, s, given[s]) for s in _SPLITS if s in given}
    shapes = {split: images.shape[1:] for split, (images, _) in pairs.items()}
    for split, shape in shapes.items():
        if shape != shapes["train"]:
            rule = f"must have images of {shapes['train']} in {split}, as in train"
            raise _error(config, OwnFault(rule, str(shape), "Let them be alike."))
    names = [str(name) for name in given.get("class_names", ())]
    found = {split: labels for split, (_, labels) in pairs.items()}
    labels, classes = encode_labels(_where(config), found, names)
    parts, notes = divide(_where(config), labels, config)
    digest = hashlib.md5(repr(classes).encode())
    for split in ("val", "test", "train"):
        part = parts[split]
        images_NCHW = pairs[part.given][0][part.index_N]
        labels_N = labels[part.given][part.index_N]
        sums = save_images(folder, split, images_NCHW)
        save_labels(folder, split, labels_N)
        digest.update(np.ascontiguousarray(images_NCHW).data)
        digest.update(np.ascontiguousarray(labels_N, np.int64).data)
    mean, std = sums.mean_and_std()  # of train, the last one
    notes += empty_classes(labels_N, classes)
    return Written(classes, mean, std, digest.hexdigest()[:8], notes)


def _call(config: OwnDataConfig) -> Mapping[str, Any]:
    """What the user's function gives, whatever random numbers it draws."""
    target = load_object(config.name)
    try:
        with _seeded():
            given = target(**arguments_of(target, config, {"root": config.root}))
    except Exception as cause:  # whatever the user's code raises
        raise _error(config, fault_of(cause, _RULE)) from cause
    if not isinstance(given, Mapping) or "train" not in given:
        found = f"a {type(given).__name__}"
        if isinstance(given, Mapping):
            found = f"only {', '.join(map(str, given)) or 'an empty one'}"
        raise _error(config, OwnFault(_RULE, found, _EXAMPLE))
    unknown = [str(key) for key in given if key not in (*_SPLITS, "class_names")]
    if unknown:
        found = ", ".join(unknown)
        raise _error(config, OwnFault("must give splits by name", found, _EXAMPLE))
    return given


def _pair(config: OwnDataConfig, split: str, given: Any) -> tuple[Images, Any]:  # noqa: ANN401
    """Images NCHW and labels of a split."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        rule = f"must give images and labels as {split}"
        raise _error(config, OwnFault(rule, type(given).__name__, _EXAMPLE))
    images, labels_N = np.asarray(given[0]), np.asarray(given[1])
    if images.dtype != np.uint8:
        fix = "Write (255 * images).astype(np.uint8) if they lie in [0, 1]."
        rule = f"must give images of uint8, 0 to 255, as {split}"
        raise _error(config, OwnFault(rule, str(images.dtype), fix))
    if not len(images) or len(images) != labels_N.size:
        rule = f"must give a label an image as {split}"
        found = f"{len(images):,} images, {labels_N.size:,} labels"
        raise _error(config, OwnFault(rule, found, "Count them."))
    if images.ndim == 3:
        return images[:, None], labels_N
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return images.transpose(0, 3, 1, 2), labels_N
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images, labels_N
    rule = f"must give images of N×H×W, N×H×W×C or N×C×H×W as {split}"
    fix = "Give them one channel or three."
    raise _error(config, OwnFault(rule, str(images.shape), fix))


@contextmanager
def _seeded() -> Iterator[None]:
    """The same draws in every process, and none of them missing afterwards."""
    before, numpys = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpys)


def _where(config: OwnDataConfig) -> str:
    return f'"data.name": {config.name}'


def _error(config: OwnDataConfig, fault: OwnFault) -> DataError:
    return DataError(_where(config), *fault)


OWN_DATA = Recipe(
    title="a data set of your own",
    revision=1,
    stamp=_stamp,
    spec=_spec,
    write=_write,
    place=lambda config: f"made by {config.name}",
)
