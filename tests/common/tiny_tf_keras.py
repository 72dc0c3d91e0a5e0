"""The tiny document with a tf-keras model in place of a Keras 3 one."""

from dataclasses import replace
from functools import partial
from typing import Any

import tiny

from common.study import Setting


def build(setting: Setting, n_classes: int) -> Any:
    import tf_keras

    inputs = tf_keras.Input((65,), name="spectrum")
    hidden = tf_keras.layers.Dense(4, "relu", name="hidden")(inputs)
    hidden = tf_keras.layers.Dropout(0.4)(tf_keras.layers.BatchNormalization(momentum=0.5)(hidden))
    return tf_keras.Model(inputs, tf_keras.layers.Dense(n_classes, "softmax", name="classes")(hidden))


PATIENT = replace(tiny.PATIENT, learning_rate=0.03, library="tf-keras")
EXPERIMENT = replace(tiny.experiment("tf-keras", PATIENT), build=build, adjustable=())
STUDY = replace(tiny.STUDY, experiments=(EXPERIMENT,))


job = tiny.jobs_of(STUDY)


build_three = partial(build, Setting(tiny.PUBLISHED, 0), 3)
