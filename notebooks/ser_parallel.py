# %% [markdown]
# # Emotion in speech: train a model, test it, try it on your own recording
#
# This notebook trains `single-cnn`, a small network of a document on speech emotion recognition, and shows what it gets
# right. Run the cells from top to bottom.
#
# Without data of your own it uses a **demo corpus**: synthesised sounds, not recordings. **Scores on it mean nothing.**
# It only shows that everything works, in a minute or two. For a real result, set `DATA` below.

# %% [markdown]
# ## Install
#
# Only where Encore is not installed yet, as in Colab: set `REPOSITORY` to the address of Encore's git repository, or to
# the path of a copy of it. If Colab asks you to restart the session afterwards, do so and run this cell again.

# %%
import importlib.util
import subprocess
import sys

REPOSITORY = ""  # such as git+https://... or /content/encore

if importlib.util.find_spec("reproductions") is None:
    if not REPOSITORY:
        raise RuntimeError("Encore is not installed: set REPOSITORY above, and run this cell again")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", REPOSITORY], check=True)

# %% [markdown]
# ## Load the clips
#
# `DATA` is a folder with RAVDESS, SAVEE, TESS or CREMA-D, as downloaded, or with recordings of your own in one folder
# per emotion. Encore says which corpus it found, and what is missing.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from common import cache
from common.corpora import demo, scan
from common.learners import quiet
from common.runs import jobs, prediction, runner
from common.signals import audio, features
from reproductions.ser_parallel import STUDY

quiet.start_backend()

DATA = ""  # such as /content/ravdess; empty: the demo corpus
folder = DATA or demo.write(cache.folder() / "demo-16-ravdess", clips_per_class=16, corpora=["ravdess"])

experiment = STUDY.experiment("single-cnn")
clips = jobs.clips_for(STUDY, experiment, scan([folder]))
print(clips.summary())

# %% [markdown]
# ## Look at a clip
#
# Above the waveform, below its mel spectrogram: the power in 128 frequency bands over time. The network is given a
# transform of this picture, mel-frequency cepstral coefficients (MFCC). The first time, this cell compiles for up to
# half a minute.

# %%
SAMPLE_RATE = 16_000  # Hz

clip = clips.manifest.iloc[0]
waveform = audio.load(clip["path"], sample_rate=SAMPLE_RATE)
mel = features.extract(
    waveform[np.newaxis],
    feature=lambda waveforms: features.log_mel(
        waveforms, ref="max", sample_rate=SAMPLE_RATE, n_fft=1024, hop_length=256, n_mels=128
    ),
)[0]
duration = len(waveform) / SAMPLE_RATE

figure, (above, below) = plt.subplots(2, sharex=True, layout="constrained")
above.plot(np.arange(len(waveform)) / SAMPLE_RATE, waveform, linewidth=0.5)
above.set(title=f"{clip['name']}: {clip['label']}", ylabel="amplitude")
picture = below.imshow(mel, origin="lower", aspect="auto", cmap="magma", extent=(0, duration, 0, len(mel)))
below.set(xlabel="time (s)", ylabel="mel band")
_ = figure.colorbar(picture, label="dB")

# %% [markdown]
# ## Train
#
# `published` repeats what the document did. `corrected` fixes its errors. `independent` also keeps speakers apart: no
# speaker of the test set is in the training set. If its accuracy is lower, the network has learned voices, too.
#
# On the demo corpus it trains for a few epochs; on real data as long as the document did, which is most of an hour for
# RAVDESS without a GPU. If it is interrupted, run the cell again: it goes on where it stopped. After changing `DATA`,
# set `fresh=True` once.

# %%
PROTOCOL = "published"  # or corrected, or independent

runs, size = (Path("runs"), "full") if DATA else (Path("runs-demo"), "demo")
options = jobs.Options(runs=runs, size=size, fresh=False)
record = runner.run(jobs.Job(STUDY, experiment, STUDY.protocol(PROTOCOL), clips, options), print)

accuracy, chance = record.data["metrics"]["accuracy"], record.data["baselines"]["majority"]["accuracy"]
low, high = accuracy["interval"]
print(f"accuracy {accuracy['value']:.3f} (95 % CI {low:.3f} to {high:.3f}) on {accuracy['n']} test clips")
print(f"always guessing the most frequent emotion: {chance:.3f}")
for leak in record.data["leaks"]:
    print(f"{leak['check']}: {'clean' if leak['clean'] else 'shared'}; {leak['detail']}")

# %% [markdown]
# ## Confusion matrix
#
# Rows are true emotions, columns are predicted ones; numbers are test clips.

# %%
confusion = ConfusionMatrixDisplay(np.array(record.data["confusion"]), display_labels=record.task.outputs)
confusion.plot(xticks_rotation="vertical", cmap="Blues")
_ = confusion.ax_.set_title("DEMO: synthesised sounds" if record.data["data"]["demo"] else "single-cnn")

# %% [markdown]
# ## Predict a recording of your own
#
# Set `FILE` to an audio file, such as `/content/me.wav`. Without one, the first clip of the test set is predicted. The
# probabilities are the network's own: it knows these emotions only, and it always names one.

# %%
FILE = ""

split = record.split()
tested = clips.manifest["name"].isin(split.loc[split["set"] == "test", "name"])
path = FILE or clips.manifest.loc[tested, "path"].iloc[0]
predicted = prediction.Models(STUDY, record).predict(Path(path))

print(f"{path}: {predicted.predicted}")
for note in predicted.notes:
    print(f"note: {note}")
figure, axes = plt.subplots(layout="constrained")
axes.barh(predicted.task.outputs, predicted.outputs)
_ = axes.set(xlabel="probability", xlim=(0, 1))

# %% [markdown]
# ## Next
#
# - `python -m reproductions` lists every experiment of every document with its published numbers.
# - `python -m reproductions.ser_parallel export RUN` makes a model folder with a model card of a finished run, such as
#   the one in the line below.

# %%
print(record.folder)
