import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from raypg.data import Dataset, data_version, dataset_spec, load_dataset
from raypg.data import decoding as decoding_module
from raypg.data.parquet import ParquetConfig
from raypg.errors import DataError
from tests.data.raw_files import picture_bytes, write_parquet


def load_parquet(root: Path, **keys: object) -> Dataset:
    config = ParquetConfig(root=str(root), **keys)  # type: ignore[arg-type]
    return load_dataset(config, Path(str(root) + ".cache"))


@pytest.mark.parametrize("few", [0, 1000])
def test_hugging_face_s_layout_is_read_with_its_splits_and_names(
    tmp_path: Path, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding_module, "FEW", few)
    root, names = tmp_path / "data", ("cat", "dog", "owl")
    for split, num in (("train", 45), ("validation", 9), ("test", 6)):
        path = root / "data" / f"{split}-00000-of-00001.parquet"
        write_parquet(path, [i % 3 for i in range(num)], names=names)
    data = load_parquet(root)
    assert (len(data.train), len(data.val), len(data.test)) == (45, 9, 6)
    assert (data.class_names, data.image_shape) == (names, (3, 9, 7))
    for index in (0, 44):
        with Image.open(io.BytesIO(picture_bytes(9, 7, 3, seed=index))) as image:
            expected = np.asarray(image).transpose(2, 0, 1)
        assert np.array_equal(data.train.images_NCHW[index], expected)
    assert data.val.labels_N.tolist() == [0, 1, 2] * 3
    spec = dataset_spec(ParquetConfig(root=str(root)))
    assert (spec.num_train, spec.num_classes) == (45, 3)


def test_one_file_is_divided_and_its_texts_are_sorted(tmp_path: Path) -> None:
    write_parquet(tmp_path / "all.parquet", ["owl", "cat"] * 50)
    data = load_parquet(tmp_path / "all.parquet", image_size=8)
    assert (len(data.train), len(data.val), len(data.test)) == (80, 10, 10)
    assert (data.class_names, data.image_shape) == (("cat", "owl"), (3, 8, 8))
    seen = {
        image.tobytes()
        for split in (data.train, data.val, data.test)
        for image in split.images_NCHW
    }
    assert len(seen) == 100


def test_several_files_of_a_split_are_one_after_another(tmp_path: Path) -> None:
    write_parquet(tmp_path / "d" / "train-0.parquet", [5] * 20)
    write_parquet(tmp_path / "d" / "train-1.parquet", [7] * 20)
    write_parquet(tmp_path / "d" / "test-0.parquet", [5, 7])
    data = load_parquet(tmp_path / "d")
    assert data.class_names == ("5", "7")
    assert data.train.labels_N.tolist() == [0] * 18 + [1] * 18


def test_plain_bytes_under_other_names_are_taken_by_keys(tmp_path: Path) -> None:
    images = [picture_bytes(9, 9, seed=i) for i in range(30)]
    columns = {"thumbnail": [b"none"] * 30, "photo": images, "kind": [1, 2] * 15}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    keys = {"image_column": "photo", "label_column": "kind", "channels": 1}
    data = load_parquet(tmp_path / "a.parquet", **keys)
    assert data.image_shape == (1, 9, 9)
    with pytest.raises(DataError, match="whole images; found none that can be read"):
        load_parquet(tmp_path / "a.parquet", label_column="kind")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"image_column": "imag"}, r"found id, picture, label\. Known|Did you mean"),
        ({"image_column": "pictures"}, 'Did you mean "picture"'),
        ({"label_column": "lable"}, 'a column of labels.*Did you mean "label"'),
        ({"image_column": "label"}, r"must have a column of image files, bytes or"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest(
    tmp_path: Path, keys: dict[str, str], message: str
) -> None:
    write_parquet(tmp_path / "a.parquet", [0, 1] * 9, column="picture")
    with pytest.raises(DataError, match=message):
        load_parquet(tmp_path / "a.parquet", **keys)


def test_a_table_without_images_is_an_error(tmp_path: Path) -> None:
    columns = {"text": ["a", "b"], "label": [0, 1]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    expected = r"must have a column of image files.*found text, label"
    with pytest.raises(DataError, match=expected):
        dataset_spec(ParquetConfig(root=str(tmp_path / "a.parquet")))


def test_labels_that_are_missing_or_hidden_are_an_error(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [0, None, 1] * 9)
    with pytest.raises(DataError, match="must label each image; found 9 nulls"):
        load_parquet(tmp_path / "a.parquet")
    write_parquet(tmp_path / "b.parquet", [0, -1, 1] * 9, names=("x", "y"))
    with pytest.raises(DataError, match="labels 0 to 1, as it names.*found -1 to 1"):
        load_parquet(tmp_path / "b.parquet")


def test_a_broken_image_is_named_by_its_row(tmp_path: Path) -> None:
    images = [picture_bytes(9, 9, seed=i) for i in range(30)]
    images[4] = images[4][:40]
    table = pa.table({"image": images, "label": [0, 1] * 15})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: row 4 of train: must be a whole"):
        load_parquet(tmp_path / "a.parquet")
    data = load_parquet(tmp_path / "a.parquet", skip_broken=True)
    assert len(data.train) + len(data.val) + len(data.test) == 29
    assert "1 broken images are left out" in data.notes[-1]


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_what_is_no_parquet_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match="must be a whole Parquet file"):
        load_parquet(tmp_path / "a.parquet")


def test_a_damaged_page_is_an_error(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [0, 1] * 30)
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[4:3000] = bytes(2996)
    (tmp_path / "a.parquet").write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"a\.parquet: must be a whole Parquet file"):
        load_parquet(tmp_path / "a.parquet")


def test_a_folder_without_training_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"to train on .*found no file \*\.parquet"):
        load_parquet(tmp_path)
    write_parquet(tmp_path / "test-0.parquet", [0, 1] * 9)
    with pytest.raises(DataError, match="to train on .*found test"):
        load_parquet(tmp_path)
    with pytest.raises(DataError, match='must be a Parquet file or a.*found ""'):
        dataset_spec(ParquetConfig())


def test_files_of_a_split_with_other_columns_are_an_error(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train-0.parquet", [0, 1] * 9)
    write_parquet(tmp_path / "train-1.parquet", [0, 1] * 9, column="photo")
    with pytest.raises(DataError, match="train-1.*must have the columns.*no image"):
        load_parquet(tmp_path)


def test_version_follows_the_content(tmp_path: Path) -> None:
    versions = []
    for name, labels in (("a", [0, 1] * 9), ("b", [0, 1] * 9), ("c", [1, 0] * 9)):
        write_parquet(tmp_path / f"{name}.parquet", labels)
        config = ParquetConfig(root=str(tmp_path / f"{name}.parquet"))
        versions.append(data_version(config, tmp_path / "cache"))
    assert versions[0] == versions[1] != versions[2]
