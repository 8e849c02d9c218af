"""The front matter of a model card: what Hugging Face lists and filters by."""

from collections.abc import Mapping
from typing import Any

from raypg.results.candidate import Candidate

TASK = "image-classification"


def front_matter(one: Candidate) -> dict[str, Any]:
    """The front matter, under Hugging Face's names."""
    splits = [_eval_result(one, "validation", one.row, "val.")]
    if one.test is not None:
        splits.append(_eval_result(one, "test", one.test, "test."))
    found = [split for split in splits if split["metrics"]]
    name = one.row.get("config.model.name")
    return {
        "library_name": "pytorch",
        "pipeline_tag": TASK,
        "tags": [TASK, "raypg", *([name] if name else [])],
        "metrics": list(
            dict.fromkeys(m["type"] for split in found for m in split["metrics"])
        ),
        "model-index": [
            {"name": f"{one.sweep}-{one.row['trial'][:8]}", "results": found}
        ],
    }


def _eval_result(
    one: Candidate, split: str, row: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    metrics = [
        {"type": name.removeprefix(prefix), "value": value, "name": name}
        for name, value in row.items()
        if name.startswith(prefix) and isinstance(value, float)
    ]
    data = one.data_name
    return {
        "task": {"type": TASK, "name": "Image Classification"},
        "dataset": {"name": data, "type": data, "split": split},
        "metrics": metrics,
    }
