"""The search of document 001, as data for the command `tune`: the grid of Table 1, and Hyperband over the same space.

    python -m reproductions.valence_parallel_conv tune combination-6 --search grid --data TAVA --seed 0
    python -m reproductions.valence_parallel_conv tune combination-6 --search hyperband --data TAVA --seed 0

"Experiments" lists three batch sizes and three numbers of epochs, 27 combinations; Table 1 has 12 of them, those of
`combination-1` to `combination-12`. Here a trial is trained for 20 epochs, and its first 10 are the trial of 10: six
trainings per seed say what twelve do.
"""

from dataclasses import replace

from tuning.plan import Plan

SPACE = {"dropout": (0.3, 0.5, 0.7), "batch_size": (16, 32)}
EPOCHS, DEMO_EPOCHS = 20, 2

GRID = Plan(
    name="grid",
    experiment="combination-6",
    section="Experiments",
    says="dropout and batch size of Table 1, each with 20 epochs, of which the first 10 are its other rows",
    kind="grid",
    space=SPACE,
    epochs=EPOCHS,
    objective="val_mae",
    demo_epochs=DEMO_EPOCHS,
)
HYPERBAND = replace(
    GRID,
    name="hyperband",
    says="Hyperband over the same space, to see what it would have saved (the report searched the grid)",
    kind="hyperband",
)
SEARCHES = (GRID, HYPERBAND)
