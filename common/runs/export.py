"""Exports a finished run as a Hugging Face model folder: the files of the run, `config.json` and a model card.

The folder is a complete run, so `predict --run` takes it as it is. Nothing is uploaded.
"""

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from common import files, published
from common.corpora import CORPORA
from common.errors import InputError
from common.escaping import markdown
from common.learners.learner import class_of
from common.published import Printed, Published, comparability
from common.runs import checksums, prediction
from common.runs.records import TABLES, Record
from common.study import Ensemble, Experiment, Study, Training

TEMPLATE = Path(__file__).with_name("model_card.md")
VALIDATION = "val_"
"""Names of metrics begin like this if they were measured on validation clips."""
OF_A_MACHINE = ("system", "hardware", "threads")
"""Facts of an environment that say nothing about the model."""


def export(study: Study, record: Record, out: Path) -> Path:
    """Write a finished run as a model folder.

    All folds are exported, because predictions are the mean over them. Each has its folder, as in the run.

    Args:
        study: the study of the run.
        record: the run.
        out: the new folder; it is complete or absent.

    Returns:
        The new folder.

    Raises:
        InputError: the new folder exists; the run has no models of its own or lacks a file; or the study has changed
            the settings of its features since the run.
    """
    experiment = study.experiment(record.data["experiment"])
    if isinstance(experiment.method, Ensemble):
        members = ", ".join(experiment.method.weights)
        raise InputError(f"{experiment.id} is a mean of other runs and has no model of its own; export {members}")
    prediction.check_inputs(record, experiment)
    if out.exists():
        raise InputError(f"{out} exists already; name a new folder with --out")
    with files.temporary_folder(out.parent) as temporary:
        made = temporary / out.name
        _copy(record, experiment, made)
        config = json.dumps(_config(experiment, record), indent=2, ensure_ascii=False)
        files.write_text(made / "config.json", config + "\n")
        files.write_text(made / "README.md", str(card(study, record)))
        made.rename(out)
    return out


def _copy(record: Record, experiment: Experiment, folder: Path) -> None:
    """Copy the files of a run that a prediction or a report reads."""
    of_models = [f"{fold}/{name}" for fold in _folds(record) for name in (class_of(experiment).FILE, "front_end.npz")]
    sums = [checksums.NAME] if record.sealed else []
    for name in ("record.json", *TABLES, *of_models, *sums):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(record.folder / name, target)
        except FileNotFoundError:
            raise InputError(f"{record.folder} has no {name}; run the experiment again (--fresh)") from None


def _folds(record: Record) -> list[str]:
    return [f"fold-{fold['fold']}" for fold in record.data["folds"]]


def _config(experiment: Experiment, record: Record) -> dict[str, Any]:
    """Return the content of `config.json`, which says without Encore what the model takes and returns."""
    data = record.data
    outputs = data["task"]["outputs"]
    return {
        **{name: data[name] for name in ("study", "experiment", "protocol", "switches", "seed", "size")},
        "title": experiment.title,
        "task": data["task"]["kind"],
        "id2label": dict(enumerate(outputs)),
        "label2id": {name: number for number, name in enumerate(outputs)},
        "demo": data["data"]["demo"],
        "folds": _folds(record),
        "inputs": data["configuration"]["inputs"],
        "parameters": data["parameters"],
        "versions": {name: value for name, value in data["environment"].items() if name not in OF_A_MACHINE},
    }


def card(study: Study, record: Record) -> ModelCard:
    """Return the model card of a run. Its `model-index` has our results alone; the published ones are in the text."""
    data, experiment = record.data, study.experiment(record.data["experiment"])
    document = published.load(study.name)
    title = f"{study.name} {experiment.id}, protocol {data['protocol']}, seed {data['seed']}"
    return ModelCard.from_template(
        _metadata(record, experiment, document),
        template_path=str(TEMPLATE),
        title=f"DEMO: {title}" if data["data"]["demo"] else title,
        study=study,
        experiment=experiment,
        record=data,
        demo=data["data"]["demo"],
        answer=_answer(record, document),
        meaning=study.protocols[data["protocol"].partition("+")[0]].meaning,
        results=_results(data, document.numbers(experiment.id)),
        comparability=_reasons(record, document),
        baselines=_baselines(data["baselines"]),
        leaks=[
            (leak["check"], "clean" if leak["clean"] else "**shared**", markdown(leak["detail"]))
            for leak in data["leaks"]
        ],
        names=[markdown(name) for name in data["task"]["outputs"]],
        outputs={"classification": "classes", "tagging": "tags", "regression": "values"}[data["task"]["kind"]],
        limits=_limits(study, experiment, record),
        corpora=_corpora(record, document),
        pretrained=_pretrained(data),
        folds=_folds(record),
        model=class_of(experiment).FILE,
    )


def _metadata(record: Record, experiment: Experiment, document: Published) -> ModelCardData:
    data = record.data
    kind, demo = data["task"]["kind"], data["data"]["demo"]
    # The hub has no name for a regression of audio.
    task = "other" if kind == "regression" else "audio-classification"
    corpora = ", ".join(comparability.corpus_title(name, document) for name in data["data"]["corpora"])
    results = [
        EvalResult(
            task_type=task,
            task_name=f"audio {kind}",
            dataset_type="demo" if demo else "+".join(data["data"]["corpora"]),
            dataset_name=f"DEMO: synthesised sounds in the form of {corpora}" if demo else corpora,
            dataset_split=_set_of(name),
            dataset_args={"protocol": data["protocol"], "folds": len(data["folds"]), "seed": data["seed"]},
            metric_type=name.removeprefix(VALIDATION),
            metric_name=_in_words(name),
            metric_value=score["value"],
            verified=False,
        )
        for name, score in data["metrics"].items()
    ]
    return ModelCardData(
        model_name="-".join(map(str, record.identity)),
        eval_results=results,
        library_name=_library(experiment),
        pipeline_tag=None if kind == "regression" else task,
        license="other",
        tags=["encore", "reproduction", "audio", kind, *(["demo"] if demo else [])],
    )


def _library(experiment: Experiment) -> str:
    """Return the hub's name of the library of a model."""
    return experiment.method.library if isinstance(experiment.method, Training) else "sklearn"


def _set_of(metric: str) -> str:
    return "validation" if metric.startswith(VALIDATION) else "test"


def _in_words(metric: str) -> str:
    return metric.removeprefix(VALIDATION).replace("_", " ")


def _answer(record: Record, document: Published) -> str:
    """Return the headline result in a sentence, and what it was measured on."""
    name = record.task.HEADLINE
    score = record.data["metrics"][name]
    low, high = score["interval"]
    data = markdown(comparability.data_in_words(record.data, document))
    measured = f"{score['value']:.3f} (95 % CI {low:.3f} to {high:.3f}) on {score['n']:,} test clips"
    return f"Result: {_in_words(name)} {measured}. Data: {data}."


def _results(data: Mapping[str, Any], printed: Mapping[str, Printed]) -> list[tuple[str, ...]]:
    """Return a row for each metric of ours, with the published number beside it."""
    rows: list[tuple[str, ...]] = []
    for name, score in data["metrics"].items():
        low, high = score["interval"]
        ours = (f"{score['value']:.4f}", f"{low:.4f} to {high:.4f}", f"{score['n']:,}")
        number = printed.get(name)
        theirs = (_as_printed(number), _place(number)) if number else ("", "")
        rows.append((_in_words(name), _set_of(name), *ours, *theirs))
    return rows


def _as_printed(number: Printed) -> str:
    """Return a published number, as a share if the document has a percentage, with its own digits."""
    return f"{number.value:.{max(0, round(-math.log10(number.step)))}f}"


def _place(number: Printed) -> str:
    """Return table and section of a published number; some tables have no other name than their section."""
    return number.table if number.section in number.table else f"{number.table}, section {number.section}"


def _reasons(record: Record, document: Published) -> list[str]:
    """Return every reason why this model's results cannot be compared with the published ones."""
    reasons = [markdown(reason) for reason in comparability.reasons(record.data, document)]
    if (protocol := record.data["protocol"]) != "published":
        reasons.append(f"the published numbers were not made under protocol `{protocol}`")
    return reasons


def _baselines(baselines: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    """Return a row of names, then one for each baseline; empty without baselines."""
    metrics = list(dict.fromkeys(name for scores in baselines.values() for name in scores))
    rows = [
        (name, *(f"{scores[metric]:.4f}" if metric in scores else "" for metric in metrics))
        for name, scores in baselines.items()
    ]
    return [("baseline", *map(_in_words, metrics)), *rows] if rows else []


def _limits(study: Study, experiment: Experiment, record: Record) -> list[str]:
    """Return what is known to limit the model, in the words of the run's record and of predictions."""
    limits = [*map(markdown, record.data["notes"]), *prediction.about_errors(study, experiment, record)]
    if (models := len(record.data["folds"])) > 1:
        limits.append(
            f"the results are those of {models} models, each on test clips that it was not trained on; `predict` "
            "returns the mean of their outputs, which was not tested"
        )
    if _pretrained(record.data) and prediction.features_are_pretrained(experiment):
        limits.append("a pretrained network outside this folder makes its features; `predict` needs the weights of it")
    return [limit[0].upper() + limit[1:] for limit in dict.fromkeys(limits)]


def _corpora(record: Record, document: Published) -> list[tuple[str, str, str]]:
    """Return name, number of clips and licence of each corpus that the run had."""
    demo = record.data["data"]["demo"]
    return [
        (markdown(comparability.corpus_title(name, document)), f"{facts['clips']:,}", _licence(name, demo=demo))
        for name, facts in record.data["data"]["corpora"].items()
    ]


def _licence(corpus: str, *, demo: bool) -> str:
    if demo:
        return "none: sounds synthesised by Encore, in the form of this corpus"
    known = CORPORA.get(corpus)
    return f"{known.licence} ({known.address})" if known else "not known to Encore: recordings of one's own"


def _pretrained(data: Mapping[str, Any]) -> str:
    """Return the source of pretrained weights; empty if there are none."""
    weights = data["configuration"].get("weights", "none")
    return "" if weights == "none" else str(weights)
