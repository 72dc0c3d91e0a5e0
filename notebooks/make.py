"""Makes each notebook of this folder from the script of the same name: `python notebooks/make.py`.

A script has its cells after lines `# %%` (code) and `# %% [markdown]` (text, as comments), the percent format that
Jupytext, VS Code and Spyder read. Edit the script, never the notebook.
"""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
START = re.compile(r"^# %%(?: \[(markdown)\])?\n", re.MULTILINE)


def notebook(script: str) -> dict[str, Any]:
    """Return the notebook of a script, without outputs, in the notebook format 4.5."""
    _, *parts = START.split(script)
    cells = [
        _cell(number, kind, source.strip("\n"))
        for number, (kind, source) in enumerate(zip(parts[::2], parts[1::2], strict=True))
    ]
    language = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5}


def _cell(number: int, kind: str | None, source: str) -> dict[str, Any]:
    if kind == "markdown":
        source = re.sub(r"^# ?", "", source, flags=re.MULTILINE)
    common = {"id": f"cell-{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
    if kind == "markdown":
        return {"cell_type": "markdown", **common}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **common}


def written(script: Path) -> str:
    """Return the text of the notebook file of a script."""
    return json.dumps(notebook(script.read_text(encoding="utf-8")), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for script in sorted(FOLDER.glob("*.py")):
        if script != Path(__file__):
            script.with_suffix(".ipynb").write_text(written(script), encoding="utf-8")
