"""`--plan`: what a sweep would run and cost. It trains no trial and writes nothing."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from raypg.cluster.connect import Need
from raypg.cluster.options import (
    Options,
    check_machine,
    check_options,
    joins_cluster,
    machine_resources,
    need_of,
)
from raypg.cluster.prepare import (
    Question,
    check,
    check_origins,
    join,
    load_data,
    read_known,
)
from raypg.cluster.room import check_room, num_slots, workers_on
from raypg.config import Config, Layer
from raypg.errors import ClusterError, ConfigError
from raypg.experiment import AblationProposals, PathProposals, load_space
from raypg.own.bundle import Bundle, use
from raypg.plan.counts import Count, count_sweep
from raypg.plan.estimate import Estimate, Setting, estimate
from raypg.plan.expect import Expected, Memo, expect_trials
from raypg.plan.measure import measure
from raypg.plan.processes import MOST_PROCESSES, measure_here
from raypg.plan.report import Report, Task, task_of
from raypg.plan.shapes import Costs, combine, pick_shapes
from raypg.plan.text import (
    cost_lines,
    error_lines,
    network_rows,
    trial_lines,
    work_lines,
)
from raypg.results import check_types
from raypg.results.output import print_table
from raypg.store import Store

SHAPE_S = 1.0
"""Seconds of measuring a shape, where a few short epochs take no longer."""
PATIENCE_S = 120.0
"""Longest wait for a worker of a cluster that others use, too."""


@dataclass(frozen=True)
class Plan:
    """All that a plan says.

    Attributes:
        title: the sweep's question.
        stale: which changed files keep trials from being hits.
        arms: of an ablation.
        shapes: that were measured; none for a plan that only counts.
        reports: what the processes measured.
        costs: of every shape, where some could be measured.
        cost: of the sweep.
    """

    title: str
    store: str
    stale: Sequence[str]
    arms: Sequence[str]
    expected: Expected
    count: Count
    setting: Setting
    shapes: Sequence[Config] = ()
    reports: Sequence[Report] = ()
    costs: Costs | None = None
    cost: Estimate | None = None


def plan_sweep(
    space: str, layers: Sequence[Layer], options: Options, *, runs_steps: bool
) -> Plan:
    """Count what a sweep would run and, if asked, measure a few steps of it.

    Args:
        space: path of the space file.
        layers: preset, file and command line.
        options: how the sweep would be run.
        runs_steps: whether to measure; else no cluster is asked and no data read.

    Raises:
        RaypgError: the sweep could not start.
    """
    store = Store(options.store)
    store.check_place()
    space_file = load_space(space, layers, options.arms)
    check_options(options)
    if options.name and store.has_sweep(options.name):
        store.create_sweep(options.name)  # raises, as the sweep would
    with ExitStack() as stack:
        has_cluster = joins_cluster(options)
        is_joined = has_cluster and runs_steps
        if is_joined:
            join(options, stack)
        need = need_of(options, is_joined=is_joined)
        question = check(
            space_file, layers, need, has_cluster=has_cluster, race=options.race
        )
        check_origins(question, store)
        plan = _count(question, store, options)
        if not runs_steps:
            return plan
        if is_joined:
            check_room(need)
        else:
            check_machine(need)
            load_data(question)
        return _measure(plan, need, options, question.bundle, is_joined=is_joined)


def print_plan(plan: Plan) -> None:
    """Print a plan, the counts first."""
    expected, setting = plan.expected, plan.setting
    if plan.title:
        print(f"{plan.title}\n")
    _print(trial_lines(expected, plan.arms, plan.store, plan.stale))
    if not expected.todo:
        return
    _print(work_lines(expected, plan.count, setting))
    print()
    rows = network_rows(plan.count, plan.costs)
    print_table(rows, list(rows[0]))
    if plan.reports:
        print()
        _print(error_lines(plan.count, plan.shapes, plan.reports))
    if plan.cost is not None:
        is_search = not plan.arms
        _print(cost_lines(plan.cost, setting, plan.reports, is_search=is_search))


def _print(lines: Iterable[str]) -> None:
    for one in lines:
        print(one)


def _count(question: Question, store: Store, options: Options) -> Plan:
    proposals, need = question.proposals, question.need
    if isinstance(proposals, PathProposals):
        rule, fix = "must be an ablation or a search", "Run it: nobody knows its way."
        raise ConfigError("--plan", rule, "a path", fix)
    stale: list[str] = []
    memo: Memo = {}
    if store.sweeps() and not options.is_fresh:
        memo = read_known(question, store, stale.append)
    expected = expect_trials(question.space_file, question.layers, proposals, memo)
    setting = Setting(
        num_slots=0,
        num_workers=need.workers_per_trial,
        is_group=options.uses_group or need.workers_per_trial > 1,
        trials_per_worker=options.trials_per_worker,
        checkpoint_every_s=options.checkpoint_every_s,
        scheduler=question.scheduler,
        retention=options.retention,
    )
    check_types(store, question.columns)
    count = count_sweep(expected, setting.scheduler, setting.num_workers)
    arms = proposals.arms if isinstance(proposals, AblationProposals) else ()
    title = " ".join(question.space_file.docstring.split("\n\n")[0].split())
    return Plan(title, store.uri, stale, arms, expected, count, setting)


def _measure(
    plan: Plan, need: Need, options: Options, own: Bundle | None, *, is_joined: bool
) -> Plan:
    todo = plan.expected.todo
    if not todo:
        return plan
    slots = num_slots(need) if is_joined else _slots_here(need)
    slots = min(slots, options.max_concurrent or slots)
    setting = replace(plan.setting, num_slots=slots)
    shapes = pick_shapes(plan.expected.corners)
    task = task_of(
        shapes,
        device=need.device,
        num_threads=need.num_threads,
        num_workers=need.workers_per_trial,
        seconds=SHAPE_S,
    )
    num_processes = min(slots, len(todo)) * need.workers_per_trial
    num_processes = min(num_processes, MOST_PROCESSES)
    if is_joined:
        reports = _measure_there(task, num_processes, need, own)
    else:
        reports, ready_s = measure_here(task, num_processes, need.gpus_per_worker)
        setting = replace(setting, ready_s=ready_s)
    plan = replace(plan, setting=setting, shapes=shapes, reports=reports)
    if not (measured := combine(shapes, reports)):
        return plan
    costs = Costs(measured)
    cost = estimate(plan.expected, costs, setting)
    return replace(plan, costs=costs, cost=cost)


def _slots_here(need: Need) -> int:
    return workers_on(machine_resources(), need.per_worker) // need.workers_per_trial


def _measure_with(task: Task, own: Bundle | None) -> Report:
    """On a worker: measure with the files of the user's own that the driver has."""
    use(own)
    return measure(task)


def _measure_there(
    task: Task, num_processes: int, need: Need, own: Bundle | None
) -> list[Report]:
    """Run the task on workers of the cluster, as trials would have them.

    Raises:
        ClusterError: no worker was free, or none lived to answer.
    """
    import ray

    remote = ray.remote(
        num_cpus=need.cpus_per_worker, num_gpus=need.gpus_per_worker, max_retries=0
    )(_measure_with)
    waiting = [remote.remote(task, own) for _ in range(num_processes)]
    done, late = ray.wait(waiting, num_returns=num_processes, timeout=PATIENCE_S)
    for one in late:
        ray.cancel(one, force=True)
    reports, found = [], f"none within {PATIENCE_S:.0f} s"
    for one in done:
        try:
            reports.append(ray.get(one))
        except ray.exceptions.RayError as error:
            found = str(error).splitlines()[0]
    if not reports:
        rule = "a worker of the cluster must be free, and live to train a step"
        fix = "Wait for others to end, or use --plan=count, which runs no step."
        raise ClusterError("--plan", rule, found, fix)
    return reports
