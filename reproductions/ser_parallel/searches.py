"""The searches of document 004, as data for the command `tune`.

    python -m reproductions.ser_parallel tune single-cnn --search literal     the document's own, in minutes
    python -m reproductions.ser_parallel tune single-cnn --search full        the same values, each with all epochs

Section 4.3.2 names keras-tuner's Hyperband and prints four learning rates. In a space of four values that tuner draws
each once, in the first round of its first bracket, finds no fifth and ends: with at most 100 epochs, after four trials
of two epochs. The printed losses are those of two epochs (2.61 at 1e-5). `full` gives each value what `single-cnn`
itself is trained for.
"""

from tuning.plan import Plan

# Section 4.3.2: the values of the table.
LEARNING_RATES = (1e-5, 1e-4, 1e-3, 1e-2)
# Section 4.3.3: "a maximum number of epochs of 100". That the search was given the same is a choice.
EPOCHS = 100
DEMO_EPOCHS = 8

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
)
