"""Tasks: what is predicted. Each has a module with its targets, loss, scores with intervals, and baselines."""

from collections.abc import Sequence

from common.tasks.classification import Classification
from common.tasks.regression import Regression
from common.tasks.tagging import Tagging
from common.tasks.task import Kind, Mode, Pooled, Scores, Task

__all__ = ["Classification", "Kind", "Mode", "Pooled", "Regression", "Scores", "Tagging", "Task", "of_kind"]

TASKS: dict[str, type[Classification] | type[Tagging] | type[Regression]] = {
    task.KIND: task for task in (Classification, Tagging, Regression)
}


def of_kind(kind: str, outputs: Sequence[str]) -> Task:
    """Return the task of a record.

    Args:
        kind: `KIND` of the task.
        outputs: its classes, tags or scales.

    Raises:
        KeyError: there is no task of this kind.
    """
    return TASKS[kind](tuple(outputs))
