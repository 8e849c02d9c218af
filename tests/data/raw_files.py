"""Small data sets written in the publishers' own formats."""

import gzip
import io
import json
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


def random_images(num: int, *shape: int, seed: int = 0) -> Bytes:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num, *shape), dtype=np.uint8)


def cycling_labels(num: int, num_classes: int = 10) -> Bytes:
    return (np.arange(num) % num_classes).astype(np.uint8)


def idx_bytes(array: Bytes) -> bytes:
    header = bytes([0, 0, 8, array.ndim])
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx_set(
    folder: Path, num_train: int = 60, num_test: int = 20, *, zipped: bool = False
) -> None:
    """The four files of MNIST, as small as asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, num in (("train", num_train), ("t10k", num_test)):
        for kind, array in (
            ("images-idx3", random_images(num, 28, 28, seed=num)),
            ("labels-idx1", cycling_labels(num)),
        ):
            content = idx_bytes(array)
            path = folder / f"{part}-{kind}-ubyte"
            if zipped:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)


_Pickler: Any = vars(pickle)["_Pickler"]  # the one in Python, which can be changed


class Python2Pickler(_Pickler):  # type: ignore[misc]
    """Writes as Python 2 and the numpy of 2009 did, which CIFAR's files come from."""

    dispatch = dict(_Pickler.dispatch)

    def save_text(self, value: str | bytes) -> None:
        raw = value.encode() if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(value)

    def save_flag(self, value: bool) -> None:
        self.save_long(int(value))

    def save_function(self, value: object) -> None:
        assert getattr(value, "__name__", "") == "_reconstruct"
        self.write(b"cnumpy.core.multiarray\n_reconstruct\n")
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_text
    dispatch[bool] = save_flag
    dispatch[type(len)] = save_function


def python2_pickle(value: object) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def cifar_batch(num: int, *, fine: bool = False, seed: int = 0) -> bytes:
    labels = cycling_labels(num, 100 if fine else 10).tolist()
    data = random_images(num, 3072, seed=seed)
    batch: dict[str, object] = {"data": data, "batch_label": "training batch 1 of 5"}
    batch["filenames"] = ["ship_s_000001.png"] * num
    if fine:
        batch |= {"coarse_labels": [0] * num, "fine_labels": labels}
    else:
        batch |= {"labels": labels}
    return python2_pickle(batch)


def cifar10_files(num: int = 20) -> dict[str, bytes]:
    files = {
        f"data_batch_{number}": cifar_batch(num, seed=number) for number in range(1, 6)
    }
    names = [f"class {label}" for label in range(10)]
    return files | {
        "test_batch": cifar_batch(num, seed=9),
        "batches.meta": python2_pickle({"label_names": names, "num_vis": 3072}),
    }


def cifar100_files(num: int = 200) -> dict[str, bytes]:
    names = [f"class {label}" for label in range(100)]
    return {
        "train": cifar_batch(num, fine=True, seed=1),
        "test": cifar_batch(num, fine=True, seed=2),
        "meta": python2_pickle(
            {"fine_label_names": names, "coarse_label_names": ["any"]}
        ),
    }


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write_archive(path: Path, folder: str, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_npz(path: Path, num_train: int = 60, num_test: int = 20) -> None:
    """As Keras keeps MNIST, in small."""
    arrays = {
        "x_train": random_images(num_train, 12, 10, seed=num_train),
        "y_train": cycling_labels(num_train),
        "x_test": random_images(num_test, 12, 10, seed=num_test),
        "y_test": cycling_labels(num_test),
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]


def write_svhn(folder: Path, num_train: int = 60, num_test: int = 20) -> None:
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    for part, num in (("train", num_train), ("test", num_test)):
        images = random_images(num, 32, 32, 3, seed=num).transpose(1, 2, 3, 0)
        labels = 1 + cycling_labels(num)[:, None]
        savemat(folder / f"{part}_32x32.mat", {"X": images, "y": labels})


def stl10_files(num_train: int = 20, num_test: int = 10) -> dict[str, bytes]:
    files = {}
    for part, num in (("train", num_train), ("test", num_test)):
        images = random_images(num, 3, 96, 96, seed=num)
        files[f"{part}_X.bin"] = images.transpose(0, 1, 3, 2).tobytes()
        files[f"{part}_y.bin"] = (1 + cycling_labels(num)).tobytes()
    return files


def write_emnist(folder: Path, split: str, num_classes: int, first: int = 0) -> None:
    """The four files of one of its sets; images lie on their side."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, num in (("train", 3 * num_classes), ("test", num_classes)):
        images = random_images(num, 28, 28, seed=num).swapaxes(1, 2)
        labels = first + cycling_labels(num, num_classes)
        stem = folder / f"emnist-{split}-{part}"
        Path(f"{stem}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        Path(f"{stem}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))


def write_picture(
    path: Path, *shape: int, seed: int = 0, level: int | None = None
) -> None:
    """An image file of H×W or H×W×3 noise, or all of one level; PNG by its ending."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = random_images(1, *shape, seed=seed)[0]
    if level is not None:
        pixels[:] = level
    Image.fromarray(pixels).save(path)


def write_folder(
    root: Path, *classes: str, num: int = 10, size: int = 9, ending: str = "png"
) -> None:
    """Folders of colour images, `train/cat` for one; no two images are equal."""
    for place, name in enumerate(classes):
        for index in range(num):
            path = root / name / f"{index:03}.{ending}"
            write_picture(path, size, size, 3, seed=1000 * place + index)


def write_tiny_imagenet(root: Path, num_train: int = 10, num_val: int = 3) -> None:
    """As the archive unpacks, three classes of it."""
    classes = ("n01443537", "n01629819", "n01641577")
    lines = []
    for place, name in enumerate(classes):
        for index in range(num_train):
            path = root / "train" / name / "images" / f"{name}_{index}.JPEG"
            write_picture(path, 64, 64, 3, seed=100 * place + index)
        for index in range(num_val):
            file = f"val_{place + 3 * index}.JPEG"
            write_picture(root / "val/images" / file, 64, 64, 3, seed=500 + place)
            lines.append(f"{file}\t{name}\t0\t32\t44\t62\n")
        boxes = root / "train" / name / f"{name}_boxes.txt"
        boxes.write_text("n01443537_0.JPEG\t0\t10\t63\t58\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    write_picture(root / "test" / "images" / "test_0.JPEG", 64, 64, 3)
    words = "n01443537\tgoldfish, Carassius auratus\nn01629819\tEuropean fire\n"
    (root / "words.txt").write_text(words + "n01641577\tbullfrog, Rana\n")


def picture_bytes(*shape: int, seed: int = 0) -> bytes:
    """A PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(random_images(1, *shape, seed=seed)[0]).save(stream, "PNG")
    return stream.getvalue()


def write_parquet(
    path: Path, labels: list[Any], *, names: tuple[str, ...] = (), column: str = "image"
) -> None:
    """As Hugging Face writes a data set of images."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = [
        {"bytes": picture_bytes(9, 7, 3, seed=i), "path": f"{i}.png"}
        for i in range(len(labels))
    ]
    table = pa.table({"id": range(len(labels)), column: images, "label": labels})
    if names:
        label = {"names": list(names), "_type": "ClassLabel"}
        about = {"info": {"features": {"label": label, column: {"_type": "Image"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=10)


def write_raw_set(name: str, root: Path) -> str:
    """A small data set of that name below a root; its `data.root`."""
    if name in ("mnist", "fashion_mnist"):
        title = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}[name]
        write_idx_set(root / title / "raw")
    elif name == "cifar10":
        write_files(root / "cifar-10-batches-py", cifar10_files())
    elif name == "cifar100":
        write_files(root / "cifar-100-python", cifar100_files())
    elif name == "svhn":
        write_svhn(root)
    elif name == "stl10":
        write_files(root / "stl10_binary", stl10_files())
    elif name == "emnist":
        write_emnist(root / "EMNIST" / "raw", "balanced", 47)
    elif name == "folder":
        write_folder(root / "train", "cat", "dog", num=15)
        write_folder(root / "test", "cat", "dog", num=4, size=9)
    elif name == "tiny_imagenet":
        write_tiny_imagenet(root / "tiny-imagenet-200")
    elif name == "imagenet":
        write_folder(root / "train", "n01", "n02", num=15, size=70)
        write_folder(root / "val", "n01", "n02", num=4, size=80)
    elif name == "parquet":
        write_parquet(root / "train-00000-of-00001.parquet", [0, 1] * 15)
        write_parquet(root / "test-00000-of-00001.parquet", [0, 1] * 4)
    elif name == "npz":
        write_npz(root / "small.npz")
        return str(root / "small.npz")
    return "" if name in ("digits", "synthetic") else str(root)
