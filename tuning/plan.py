"""Plans of searches, as documents describe them: data, for `tuning.making`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from common.study import Value

Kind = Literal["hyperband", "grid"]


@dataclass(frozen=True)
class Plan:
    """A search over the settings of an experiment.

    Attributes:
        name: its name for `--search`.
        experiment: id of the experiment.
        section: section of the document.
        says: what is searched and the source of the values, in a sentence.
        kind: `hyperband` or `grid`.
        space: the values of each setting. A setting is one of the training or an `adjustable` one of the experiment.
        epochs: largest number of epochs of one combination.
        objective: the score that is optimised: one of the task's `MONITORS`.
        patience: number of epochs without a better score after which a trial stops. None: trials do not stop early.
        demo_epochs: `epochs` at demo size. None: the same.
    """

    name: str
    experiment: str
    section: str
    says: str
    kind: Kind
    space: Mapping[str, Sequence[Value]]
    epochs: int
    objective: str
    patience: int | None = None
    demo_epochs: int | None = None

    def budget(self, size: str) -> int:
        """Return the largest number of epochs of one combination, given the size."""
        return self.demo_epochs or self.epochs if size == "demo" else self.epochs
