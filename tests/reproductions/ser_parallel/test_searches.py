import keras
import keras_tuner
import pytest

from common import published
from common.study import Setting
from reproductions.ser_parallel import STUDY
from reproductions.ser_parallel.searches import SEARCHES
from tuning.search import OF_TRAINING

LITERAL = next(plan for plan in SEARCHES if (plan.experiment, plan.name) == ("single-cnn", "literal"))


@pytest.mark.parametrize("epochs", [10, 30, LITERAL.epochs])
@pytest.mark.parametrize("seed", range(1, 11))
def test_keras_tuner_stops_after_training_each_learning_rate_for_two_epochs(seed, epochs) -> None:
    space = keras_tuner.HyperParameters()
    space.Choice("learning_rate", list(LITERAL.space["learning_rate"]))
    oracle = keras_tuner.oracles.HyperbandOracle(
        objective=keras_tuner.Objective(LITERAL.objective, "max"),
        max_epochs=epochs,
        seed=seed,
        hyperparameters=space,
    )
    oracle._set_project_dir("unused", "unused")
    oracle.save = oracle._save_trial = lambda *_: None
    trials = []
    while (trial := oracle.create_trial("test")).status == "RUNNING":
        trials.append(trial.hyperparameters.values)
        oracle.update_trial(trial.trial_id, {LITERAL.objective: trials[-1]["learning_rate"]})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert sorted(values["learning_rate"] for values in trials) == sorted(LITERAL.space["learning_rate"])
    assert {values["tuner/epochs"] for values in trials} == {2}


def test_the_search_for_the_head_of_vgg16_builds_the_units_it_draws() -> None:
    (plan,) = (plan for plan in SEARCHES if plan.experiment == "vgg16-0")
    setting = Setting(STUDY.protocols["published"].switches, seed=0, size="demo")
    values = {name: plan.space[name][0] for name in STUDY.experiment("vgg16-0").adjustable}
    model = STUDY.experiment("vgg16-0").build(setting, 7, **values)
    units = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert units == [values["first_units"], values["second_units"], 7]


def test_the_default_head_of_vgg16_is_the_one_that_the_document_chose() -> None:
    chosen = published.load(STUDY.name).search("vgg16-0").chosen
    assert STUDY.experiment("vgg16-1").model == {name: chosen[name] for name in ("first_units", "second_units")}


def test_the_searched_values_are_the_published_ones() -> None:
    printed = published.load(STUDY.name)
    for plan in SEARCHES:
        space = printed.search(plan.experiment).space
        assert {name: sorted(values) for name, values in plan.space.items()} == {
            name: sorted(values) for name, values in space.items()
        }


def test_every_searched_setting_exists_in_its_experiment() -> None:
    for plan in SEARCHES:
        assert set(plan.space) <= {*OF_TRAINING, *STUDY.experiment(plan.experiment).adjustable}
