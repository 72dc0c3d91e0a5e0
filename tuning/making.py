"""Makes the search that a plan describes. It uses the training and validation clips of a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import keras

from common.arrays import Prepared
from common.cluster import Cluster, Task
from common.errors import InputError
from common.runs import evaluation, identity, jobs, on_cluster, search_records
from common.runs.search_records import SearchResult
from common.study import Experiment, Training, Value
from tuning import grid, hyperband
from tuning.plan import Kind, Plan
from tuning.search import OF_TRAINING, Search, Trial, Trials


class Clips:
    """The clips of a job. All its searches share the arrays, which take long to prepare."""

    def __init__(self, job: jobs.Job, material: jobs.Material | None = None) -> None:
        self._job = job
        self.material = material or jobs.gather(job)

    @cached_property
    def prepared(self) -> Prepared:
        """The arrays of the first fold. Searches do not use its test clips."""
        known = self.material
        return self._job.experiment.inputs.prepare(known.clips, known.folds[0], known.targets, self._job.setting)


def make(
    plan: Plan,
    job: jobs.Job,
    clips: Clips,
    epochs: int | None = None,
    announce: Callable[[str], None] = print,
    cluster: Cluster | None = None,
) -> SearchResult:
    """Make a search, resume it, or read its result if it is finished.

    Args:
        plan: what is searched.
        job: the run whose clips, model and training are used.
        clips: the clips of the job.
        epochs: largest number of epochs of one combination. None: that of the plan.
        announce: receives a line of text per trial.
        cluster: trains all trials of a grid, or of a round of Hyperband, at the same time. None: one after the other.

    Raises:
        BudgetSpentError: the deadline has passed; the same call resumes the search.
        InputError: the experiment has no such setting; files cannot be decoded (all are listed); or the folder is in
            use, cannot be written, is damaged, or holds a search of other clips or settings.
        ResultError: every trial failed.
    """
    _check(plan, job.experiment)
    kinds: dict[Kind, Callable[..., SearchResult]] = {"hyperband": hyperband.search, "grid": grid.search}
    with jobs.unusable_files_listed(job.options.runs):
        search = _search(plan, job, clips, epochs)
    if cluster:
        portable = _PortableSearch(plan, on_cluster.PortableJob.of(job), clips.material, epochs)
        search = replace(search, on_cluster=partial(_train_at_once, cluster, portable))
    return kinds[plan.kind](search, announce)


@dataclass(frozen=True)
class _PortableSearch:
    """A search in a form that a worker can restore."""

    plan: Plan
    run: on_cluster.PortableJob
    material: jobs.Material
    epochs: int | None

    @cached_property
    def clips(self) -> Clips:
        """The clips, which a worker prepares once for all its trials."""
        return Clips(self.run.job, self.material)


def _train_at_once(cluster: Cluster, portable: _PortableSearch, trials: Sequence[Trial]) -> None:
    epochs = [trial.epochs - trial.begins_after for trial in trials]
    tasks = (
        Task(f"trial {trial.name}", _train, portable, trial, size) for trial, size in zip(trials, epochs, strict=True)
    )
    for _ in cluster.work(tasks, "epochs of trials", sum(epochs)):
        pass


def _train(portable: _PortableSearch, trial: Trial) -> None:
    """Train a trial, in a worker."""
    search = _search(portable.plan, portable.run.restored(), portable.clips, portable.epochs)
    Trials(search, 0, lambda line: None).train(trial)


def _check(plan: Plan, experiment: Experiment) -> None:
    unknown = [name for name in plan.space if name not in (*OF_TRAINING, *experiment.adjustable)]
    if unknown:
        raise InputError(f"{experiment.id} has no setting {unknown[0]} to search; Experiment.adjustable names them")


def _search(plan: Plan, job: jobs.Job, clips: Clips, epochs: int | None) -> Search:
    options, material = job.options, clips.material
    folds = len(material.folds)
    several = (f"only the first of {folds} folds was used for the search",) if folds > 1 else ()
    where = (options.runs, job.study.name, job.experiment.id, job.protocol.name, plan.name, options.seed)
    return Search(
        study=job.study.name,
        experiment=job.experiment.id,
        protocol=job.protocol.name,
        space=plan.space,
        build=partial(_model, job, len(material.task.outputs)),
        train=clips.prepared.train,
        validation=clips.prepared.validation,
        task=material.task,
        training=_training(plan, job, epochs),
        objective=plan.objective,
        seed=options.seed,
        context={"search": plan.name, **_context(job, material, epochs)},
        folder=search_records.folder_of(*where),
        deadline=options.deadline,
        fresh=options.fresh,
        notes=several,
        augment=job.augment,
    )


def _context(job: jobs.Job, material: jobs.Material, epochs: int | None) -> dict[str, Any]:
    """Return the facts of the clips and the other settings, for `search.json`."""
    # Of the labels too, which the digest in `data` does not cover.
    digest = {"digest": identity.labelled_digest(material)}
    return {**evaluation.context(job, material), **digest, "configuration": _configuration(job, epochs)}


def _model(job: jobs.Job, outputs: int, values: Mapping[str, Value]) -> keras.Model:
    model: keras.Model = job.experiment.build(job.setting, outputs, **values)
    return model


def _training(plan: Plan, job: jobs.Job, epochs: int | None) -> Training:
    """Return the training of a trial: that of the experiment, with the values of the plan."""
    method = job.method
    if not isinstance(method, Training):
        raise InputError(f"{job.experiment.id} is not trained in epochs: there is nothing to search")
    budget = epochs or plan.budget(job.options.size)
    # Without retraining: a search needs the scores of the first stage only.
    return replace(method, epochs=budget, monitor=plan.objective, patience=plan.patience, retrain=False)


def _configuration(job: jobs.Job, epochs: int | None) -> dict[str, Any]:
    """Return the field `configuration` of a record, as far as it applies to a search."""
    overrides = {**job.options.overrides, **({"epochs": epochs} if epochs else {})}
    weights = {"weights": identity.weights_in_words(job.options.weights)} if job.experiment.pretrained else {}
    return {"inputs": dict(job.experiment.inputs.settings), "overrides": overrides, **weights}
