"""The notebook is the one that its script makes, and its cells run from top to bottom on the demo corpus."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from common.runs import records

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
MAKE = runpy.run_path(str(NOTEBOOKS / "make.py"))
SCRIPTS = [path for path in sorted(NOTEBOOKS.glob("*.py")) if path.name != "make.py"]

CELLS = """
import json, sys
import matplotlib.pyplot as plt
names = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), names)
predicted = names["predicted"]
facts = {
    "outputs": dict(zip(predicted.task.outputs, map(float, predicted.outputs))),
    "mel": list(names["mel"].shape),
    "pictures": len(plt.get_fignums()),
    "tested": bool(names["tested"].any()),
}
json.dump(facts, open("facts.json", "w"))
"""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_notebook_is_the_one_that_its_script_makes(script) -> None:
    assert script.with_suffix(".ipynb").read_text(encoding="utf-8") == MAKE["written"](script)


def test_cells_are_text_or_code_and_nothing_is_lost() -> None:
    script = "# %% [markdown]\n# # Title\n#\n# Words.\n\n# %%\nx = 1  # one\n\n# %%\nif x:\n    print(x)\n"
    made = MAKE["notebook"](script)
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]]
    assert kinds == [
        ("markdown", "# Title\n\nWords."),
        ("code", "x = 1  # one"),
        ("code", "if x:\n    print(x)"),
    ]
    assert len({cell["id"] for cell in made["cells"]}) == 3


def test_the_cells_run_from_top_to_bottom_on_the_demo_corpus(tmp_path) -> None:
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(NOTEBOOKS.parent)}
    command = [sys.executable, "-c", CELLS, str(NOTEBOOKS / "ser_parallel.ipynb")]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert sum(facts["outputs"].values()) == pytest.approx(1, abs=1e-4)
    assert facts["mel"][0] == 128
    assert facts["pictures"] == 3
    assert facts["tested"]
    (folder,) = records.find(tmp_path / "runs-demo")
    record = records.read(folder)
    assert record.identity == ("ser_parallel", "single-cnn", "published", 0)
    assert record.data["data"]["demo"]
    assert f"accuracy {record.data['metrics']['accuracy']['value']:.3f}" in ran.stdout


def test_where_encore_is_missing_the_first_cell_asks_for_its_repository(tmp_path) -> None:
    cells = json.loads((NOTEBOOKS / "ser_parallel.ipynb").read_text(encoding="utf-8"))["cells"]
    first = next("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    # Isolated, without site packages: nothing of Encore can be imported.
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", first], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "REPOSITORY" in ran.stderr.splitlines()[-1]
