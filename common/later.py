"""Functions whose modules are imported when they are first called.

A study declares its experiments with them, so that the commands that build no model (`list`, `--help`, a wrong name)
answer without waiting for Keras, librosa or scikit-learn.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Later:
    """A function of a module that is imported at the first call.

    Attributes:
        module: full name of the module.
        function: name of the function in it.
    """

    module: str
    function: str

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Import the module and call the function."""
        return self.imported()(*arguments, **settings)

    def imported(self) -> Callable[..., Any]:
        """Import the module and return the function."""
        found: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return found

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature of the function, for `inspect.signature`; imports the module."""
        return inspect.signature(self.imported())
