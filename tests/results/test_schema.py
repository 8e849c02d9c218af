"""Dotted names become structs and come back."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypg.results.columns import CORE, UNIQUE, column_type, plain_value, widest
from raypg.results.schema import core_schema, flat_rows, flatten, leaves, nest

SEGMENT = st.sampled_from(["a", "b", "c", "config", "model", "depth"])
NAMES = st.lists(SEGMENT, min_size=1, max_size=4).map(".".join)


def _is_tree(names: set[str]) -> bool:
    return not any(a != b and b.startswith(f"{a}.") for a in names for b in names)


@given(st.sets(NAMES, min_size=1, max_size=8).filter(_is_tree))
def test_names_nest_and_flatten_back(names: set[str]) -> None:
    columns = {name: pa.array([i, None]) for i, name in enumerate(sorted(names))}
    table = pa.Table.from_batches([nest(columns)])
    assert set(flatten(table).column_names) == names
    assert flat_rows(table)[0] == {n: i for i, n in enumerate(sorted(names))}
    assert set(leaves(table.schema)) == names


@pytest.mark.parametrize("names", [["a", "a.b"], ["a.b", "a"], ["a.b.c", "a.b"]])
def test_a_name_is_a_column_or_a_group_of_columns(names: list[str]) -> None:
    with pytest.raises(TypeError, match="column"):
        nest({name: pa.array([1]) for name in names})


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("val.accuracy", 1, pa.float32()),
        ("val.top5", 0.5, pa.float32()),
        ("config.optimizer.lr", 0.1, pa.float64()),
        ("config.model.depth", 40, pa.int64()),
        ("config.data.flip", True, pa.bool_()),
        ("config.schedule.milestones", (0.5, 0.75), pa.list_(pa.float64())),
        ("config.x", (1, 2.5), pa.list_(pa.float64())),
        ("config.x", [], pa.list_(pa.float64())),
        ("config.x", None, None),
        ("config.x", "text", pa.string()),
    ],
)
def test_a_column_has_the_type_of_its_values(
    name: str, value: object, kind: pa.DataType | None
) -> None:
    assert column_type("trials", name, value) == kind


def test_whole_numbers_widen_and_text_does_not() -> None:
    assert widest([pa.int64(), pa.float32()]) == pa.float64()
    assert widest([pa.int32(), pa.int64()]) == pa.int64()
    with pytest.raises(TypeError, match="int64 and string"):
        widest([pa.int64(), pa.string()])


def test_numpy_scalars_are_plain_numbers() -> None:
    assert plain_value(np.float32(0.5)) == 0.5
    assert plain_value((np.int64(3), "x")) == [3, "x"]
    assert plain_value(np.arange(2)) == [0, 1]
    assert plain_value({"a": 1}) == "{'a': 1}"


def test_a_metric_comes_back_without_the_digits_of_its_precision() -> None:
    values = [0.9, 1 / 3, 1e-30, math.inf, None]
    table = pa.table({"x": pa.array(values, pa.float32())})
    found: list[Any] = [row["x"] for row in flat_rows(table)]
    assert found == [0.9, 0.33333334, 1e-30, math.inf, None]


def test_columns_of_one_name_are_numbered() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])
    assert flat_rows(table) == [{"x": 1, "x_2": 2}]


@pytest.mark.parametrize("table", sorted(CORE))
def test_every_table_has_the_columns_that_make_its_rows_unique(table: str) -> None:
    keys, version = UNIQUE[table]
    assert {"sweep", *keys, version} <= set(core_schema(table).names)
