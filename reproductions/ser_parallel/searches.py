"""The hyperparameter searches of document 004, as data for the command `tune`.

    python -m reproductions.ser_parallel tune single-cnn --search literal     the document's search, in minutes
    python -m reproductions.ser_parallel tune single-cnn --search full        the same values, each with all epochs
    python -m reproductions.ser_parallel tune vgg16-0 --weights PATH          30 trials of at most ten epochs

Section 4.3.2 names keras-tuner's Hyperband and lists four learning rates. With only four values, that tuner draws each
once in the first round of its first bracket, finds no fifth and stops: after four trials of two epochs, whether at most
100, 30 or 10 epochs are allowed. The published losses agree with that (2.61 at 1e-5). `full` trains each value as long
as `single-cnn` itself.

Section 5.2.1 lists the values of three settings, but neither the tuner nor its budget. Choice: Hyperband again, with
the 10 epochs, the objective and the patience of keras-tuner's tutorial, whose sentence on what is optimal the section
repeats. The patience is on the objective, as in section 5.2.2.
"""

from tuning.plan import Plan

# Section 4.3.2: the values of the table.
LEARNING_RATES = (1e-5, 1e-4, 1e-3, 1e-2)
# Section 4.3.3: "a maximum number of epochs of 100". The same maximum for the search is a choice.
EPOCHS = 100
DEMO_EPOCHS = 8
# Section 5.2.1: "between 64 and 512 by step of 64", "between 32 and 256 by step of 32", "1e-3, 1e-4 and 1e-5".
FIRST_UNITS = tuple(range(64, 513, 64))
SECOND_UNITS = tuple(range(32, 257, 32))
VGG_LEARNING_RATES = (1e-3, 1e-4, 1e-5)
VGG_EPOCHS, VGG_PATIENCE = 10, 5
VGG_DEMO_EPOCHS = 3

SEARCHES = (
    Plan(
        name="literal",
        experiment="single-cnn",
        section="4.3.2",
        says="keras-tuner's Hyperband over four learning rates, as the document calls it",
        kind="hyperband",
        space={"learning_rate": LEARNING_RATES},
        epochs=EPOCHS,
        objective="val_accuracy",
    ),
    Plan(
        name="full",
        experiment="single-cnn",
        section="4.3.2",
        says="the same learning rates, each trained for all epochs",
        kind="grid",
        space={"learning_rate": LEARNING_RATES},
        epochs=EPOCHS,
        objective="val_accuracy",
        demo_epochs=DEMO_EPOCHS,
    ),
    Plan(
        name="literal",
        experiment="vgg16-0",
        section="5.2.1",
        says="the units of both dense layers and the learning rate, by keras-tuner's Hyperband",
        kind="hyperband",
        space={"first_units": FIRST_UNITS, "second_units": SECOND_UNITS, "learning_rate": VGG_LEARNING_RATES},
        epochs=VGG_EPOCHS,
        objective="val_accuracy",
        patience=VGG_PATIENCE,
        demo_epochs=VGG_DEMO_EPOCHS,
    ),
)
