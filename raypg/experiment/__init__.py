"""A space file is loaded and checked; a space and layers become trials, one by one."""

from raypg.experiment.asking import AnyProposals, build_proposals
from raypg.experiment.base import base_config
from raypg.experiment.draws import Known
from raypg.experiment.judges import build_judge
from raypg.experiment.judging import Judge, Move, Seen
from raypg.experiment.kept import check_keeps_no_secret, check_layers
from raypg.experiment.paths import PathProposals
from raypg.experiment.proposals import (
    NO_ROW,
    AblationProposals,
    Past,
    Proposals,
    SearchProposals,
    look_ahead,
)
from raypg.experiment.racing import Race, RacingProposals
from raypg.experiment.space_file import (
    SpaceFile,
    is_edited,
    load_space,
    parse_space,
    restore_space,
)
from raypg.experiment.stated import describe_published
from raypg.experiment.trials import Trial
