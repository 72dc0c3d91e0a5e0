"""Describes a study's experiments without running them: their published numbers, layers and illustrations."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import published
from common.corpora import Scan
from common.illustrations import Diagram, Illustrations
from common.published.schema import Layer
from common.study import Ensemble, Experiment, Fit, Protocol, Setting, Study, Training


def listing(study: Study) -> list[dict[str, Any]]:
    """Return `study, id, title, section, published, parameters` of each experiment.

    Estimators and ensembles have no parameters (None). Those of networks are the study's: none is built.
    """
    printed = published.load(study.name)
    return [
        {
            "study": study.name,
            "id": experiment.id,
            "title": experiment.title,
            "section": experiment.section,
            "published": printed.metrics(experiment.id),
            "parameters": study.parameters.get(experiment.id),
        }
        for experiment in study.experiments
    ]


def parameters(study: Study) -> dict[str, int]:
    """Build the networks of a study for the protocol `published`, and count their parameters, by experiment."""
    setting = Setting(study.protocols["published"].switches, seed=0)
    networks = [experiment for experiment in study.experiments if isinstance(experiment.method, Training)]
    return {network.id: int(_model(study, network, setting).count_params()) for network in networks}


def _model(study: Study, experiment: Experiment, setting: Setting) -> Any:
    return experiment.build(setting, len(study.task_of(experiment).outputs))


def summary(study: Study, experiment: Experiment, protocol: Protocol) -> dict[str, Any]:
    """Return `total, trainable, non_trainable, layers` of an experiment's model, with shapes in the document's form.

    For a scikit-learn estimator, return its `steps` and the `origin` of the experiment; for an ensemble, the steps are
    its members.
    """
    from common.learners import summaries  # here and not above: a listing builds no model

    if isinstance(experiment.method, Ensemble):
        return {"steps": _members(experiment.method), "origin": experiment.origin}
    model = _model(study, experiment, Setting(protocol.switches, seed=0))
    if isinstance(experiment.method, Fit):
        return {"steps": summaries.steps(model), "origin": experiment.origin}
    facts = summaries.summarise(model)
    return facts | {"layers": _as_printed(study, experiment, facts["layers"])}


def _members(method: Ensemble) -> list[dict[str, Any]]:
    """Return a step per member of an ensemble."""
    return [
        {"name": name, "type": "member", "settings": {"weight": weight, "mean_of": method.of}}
        for name, weight in method.weights.items()
    ]


def _as_printed(study: Study, experiment: Experiment, layers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the layers with shapes in the document's form."""
    printed = experiment.printed_shape or study.printed_shape
    return [{**layer, "shape": list(printed(tuple(layer["shape"])))} for layer in layers]


def beside(
    layers: Sequence[Mapping[str, Any]], rows: Sequence[Layer]
) -> Iterator[tuple[Mapping[str, Any] | None, Layer | None]]:
    """Pair each layer with the first unpaired published row of the same shape, parameters and type.

    Args:
        layers: our layers, as in `summary`.
        rows: rows of the published table.

    Yields:
        A pair for each layer, with None if no row is the same; then a pair with None for each row that is left.
    """
    left = list(rows)
    for layer in layers:
        # Not by position: the document may leave out layers, or have some in another order.
        row = next((row for row in left if _same(layer, row)), None)
        if row is not None:
            left.remove(row)
        yield layer, row
    yield from ((None, row) for row in left)


def _same(layer: Mapping[str, Any], row: Layer) -> bool:
    return (layer["parameters"], shape_in_words(layer["shape"]), _kind(layer["type"])) == (
        row.parameters,
        row.shape.strip("[]"),  # Keras 2 prints the shape of an input layer in brackets
        _kind(row.type),
    )


def _kind(layer_type: str) -> str:
    """Return one name for the types of a layer in Keras 2 (published) and in Keras 3 (ours)."""
    same = {"TransformerEncoder": "Encoder", "BatchNorm": "BatchNormalization"}
    operations = dict.fromkeys(("Squeeze", "Transpose", "Mean", "Concatenate"), "TFOpLambda")
    return (same | operations).get(layer_type, layer_type)


def shape_in_words(shape: Sequence[int | None]) -> str:
    """Return the shape of a layer's output in the form of the documents: `(None, 3)`."""
    return f"({', '.join(str(size) for size in shape)})"


def illustrate(study: Study, scan: Scan, runs: Path) -> Illustrations:
    """Return the data of the document's figures of clips and models.

    Clips have the labels of the protocol `independent`, which has no errors; models are those of `published`.

    Args:
        study: whose figures.
        scan: its clips.
        runs: folder of runs; figures of predictions are left out if it has none.

    Raises:
        InputError: a clip cannot be read.
    """
    setting = Setting(study.protocols["independent"].switches, seed=0)
    examples = study.examples(study.label(scan.manifest, setting), setting, runs) if study.examples else []
    return Illustrations(
        study.name,
        scan.demo,
        tuple(found.corpus for found in scan.found),
        tuple(examples),
        tuple(diagram(study, study.experiment(name), figure) for name, figure in study.diagrams.items()),
    )


def diagram(study: Study, experiment: Experiment, figure: str) -> Diagram:
    """Return the layers of an experiment's model with their inputs, with shapes in the document's form."""
    from common.learners import summaries

    setting = Setting(study.protocols["published"].switches, seed=0)
    model = _model(study, experiment, setting)
    return Diagram(experiment.id, figure, tuple(_as_printed(study, experiment, summaries.connected(model))))
