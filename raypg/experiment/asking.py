"""What a space proposes, once it is checked under its layers."""

from collections.abc import Sequence
from typing import TypeAlias

from raypg.config import Layer
from raypg.experiment.paths import PathProposals
from raypg.experiment.proposals import AblationProposals, SearchProposals
from raypg.experiment.racing import Race, RacingProposals
from raypg.experiment.space_file import SpaceFile
from raypg.experiment.trials import Resolver, check_space
from raypg.space import Ablation, Path

AnyProposals: TypeAlias = AblationProposals | SearchProposals | PathProposals


def build_proposals(
    space_file: SpaceFile,
    layers: Sequence[Layer],
    *,
    device: str,
    num_workers: int,
    race: Race | None = None,
) -> AnyProposals:
    """What a space proposes under the preset, the file and the command line.

    Args:
        space_file: from `load_space`.
        layers: beside the space; its base goes between file and command line.
        device: of the fingerprints, `cpu` or `cuda`.
        num_workers: of each trial.
        race: when the arms of an ablation have seeds enough; None: those of the space.

    Raises:
        SpaceError: under these layers a value of the space is not legal.
        ConfigError: a layer is wrong, or sets what the space varies; or the race is
            none.
    """
    resolver = Resolver(space_file.path, space_file.space, layers)
    check_space(resolver)
    if race is not None:
        return RacingProposals(resolver, race, device=device, num_workers=num_workers)
    if isinstance(space_file.space, Path):
        return PathProposals(resolver, device=device, num_workers=num_workers)
    if isinstance(space_file.space, Ablation):
        return AblationProposals(resolver, device=device, num_workers=num_workers)
    return SearchProposals(resolver, device=device, num_workers=num_workers)
