"""Spaces to plan, from their text."""

from collections.abc import Mapping
from typing import Any

from raypg.experiment import (
    AblationProposals,
    Race,
    SearchProposals,
    SpaceFile,
    build_proposals,
    parse_space,
)
from raypg.plan.expect import Expected, Memo, expect_trials

GRID = """SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 3},
    axes={"model.hidden": [8, 16]}, seeds=2)"""
SEARCH = """SPACE = Search(
    base={"model.name": "mlp"}, trials=6, SAMPLER
    axes={"model.hidden": integer(8, 64), "optimizer.lr": log_uniform(0.01, 1)})"""
RANDOM = SEARCH.replace("SAMPLER", 'sampler="random",')
TPE = SEARCH.replace("SAMPLER", "")

Proposals = AblationProposals | SearchProposals


def space_of(text: str) -> SpaceFile:
    return parse_space(f"from raypg import *\n{text}", "space.py")


def proposals_of(text: str, race: Race | None = None) -> Proposals:
    found = build_proposals(space_of(text), [], device="cpu", num_workers=1, race=race)
    assert isinstance(found, Proposals)
    return found


def expect(
    text: str,
    memo: Memo = {},  # noqa: B006 never changed
    race: Race | None = None,
) -> Expected:
    return expect_trials(space_of(text), [], proposals_of(text, race), memo)


def keys_of(text: str, num: int) -> list[str]:
    """The keys of the first trials that a space proposes when none has ended."""
    proposals = proposals_of(text)
    trials = [proposals.propose() for _ in range(num)]
    return [trial.key for trial in trials if trial is not None]


def memo_of(keys: list[str]) -> Mapping[str, Mapping[str, Any]]:
    return {key: {"val.accuracy": 0.5} for key in keys}
