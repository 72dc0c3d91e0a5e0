"""The form of a record, as far as reports read it: a field that is lost or of another type is named, never stumbled on.

What the numbers say of one another is checked where records are gathered (`reports.results`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.published.schema import SCORES, Count, Share

Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
Amount = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """A part of a record: typed strictly; what reports do not read may be anything."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Corpus(Part):
    """What a record says of one corpus."""

    form: str


class Data(Part):
    """What a record says of its clips; each of them has a class."""

    demo: bool
    clips: Count
    corpora: dict[str, Corpus]
    missing: list[str]
    per_class: dict[str, Count]
    digest: str

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if sum(self.per_class.values()) != self.clips:
            raise ValueError(f"{self.clips} clips, but {sum(self.per_class.values())} in its classes")
        return self


class Score(Part):
    """One overall metric."""

    value: float
    interval: Interval
    n: Count


class ClassRow(Part):
    """The scores of one class: all null where no clip of it was tested, else none."""

    support: Count
    precision: Share | None
    precision_interval: Interval | None
    recall: Share | None
    recall_interval: Interval | None
    f1: Share | None
    f1_interval: Interval | None

    @model_validator(mode="after")
    def _scored(self) -> Self:
        for name in (*SCORES, *(f"{score}_interval" for score in SCORES)):
            if (getattr(self, name) is None) != (self.support == 0):
                raise ValueError(f"{name} is {'null' if self.support else 'not null'} for {self.support} clips")
        return self


class Identity(Part):
    """What reports ask of a run's identity."""

    folds: Count | None = None


class Configuration(Part):
    """The settings that a verdict asks for."""

    inputs: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    identity: Identity = Identity()


class Parameters(Part):
    """Sizes of the model; null for what is no network."""

    total: Count | None
    trainable: Count | None


class Fold(Part):
    """One fold; nothing fitted at once has epochs."""

    fold: Count
    best_epoch: Count | None
    epochs: Count | None = None


class Leak(Part):
    """One check of what training and test clips share."""

    check: str
    clean: bool
    detail: str


class Timings(Part):
    """What a run cost."""

    epoch_s: Amount | None
    ms_per_clip: Amount
    peak_memory_mib: Amount
    total_s: Amount


class Form(Part):
    """A whole record."""

    study: str
    experiment: str
    protocol: str
    seed: int
    switches: dict[str, Any]
    changed: list[str]
    size: str
    data: Data
    classes: Annotated[list[str], Field(min_length=1)]
    configuration: Configuration
    parameters: Parameters
    metrics: dict[str, Score]
    per_class: dict[str, ClassRow]
    confusion: list[list[Count]]
    baselines: dict[str, Share] = {}
    folds: Annotated[list[Fold], Field(min_length=1)]
    leaks: list[Leak]
    timings: Timings
    environment: dict[str, Any]
    notes: list[str]


def flaw(record: Mapping[str, Any]) -> str | None:
    """Name the first field of a record's content that is not as reports read it, and how; None if all are."""
    try:
        Form.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
    return None
