"""How fast are MFCC? Encore in batches, compared with librosa and others clip by clip.

    python -m benchmarks.features [--clips 256] [--repeats 7]

Clips of 3 s at 16 kHz (noise with a varying level), MFCC 128 x 94. In each repeat the candidates take turns, so that
other load on the machine affects all of them. The table shows medians over the repeats; the ratio to librosa clip by
clip is within each repeat. Encore is compiled before the first repeat (`compiled in` below). Inputs and results are in
memory.

kaldi-native-fbank and audioflux are included if they are installed (extra `bench`). They cannot have exactly the same
settings; the differences are printed below the table.
"""

import argparse
import importlib.metadata
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import librosa
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

SAMPLE_RATE, SECONDS = 16_000, 3
N_FFT, WIN_LENGTH, HOP_LENGTH, N_MELS, N_MFCC, WINDOW = 1024, 512, 512, 128, 128, "hamming"

REST_S = 0.5
"""Pause between two passes: OpenBLAS' threads, which librosa's matrix products start, spin for a while after the last
product and would slow down the next candidate (Encore lost a third of its rate that way)."""

Candidate = Callable[[np.ndarray], object]
"""Computes the MFCC of clips of shape (clips, samples)."""


def clips_of_noise(count: int) -> np.ndarray:
    """Return reproducible clips, float32 of shape (count, samples)."""
    random, time_s = np.random.default_rng(0), np.arange(SAMPLE_RATE * SECONDS) / SAMPLE_RATE
    level = 0.1 * (1.1 + np.sin(2 * np.pi * 3 * time_s))
    return (random.standard_normal((count, len(time_s))) * level).astype(np.float32)


def librosa_mfcc(clip: np.ndarray) -> np.ndarray:
    """Return librosa's MFCC of one clip."""
    return librosa.feature.mfcc(
        y=clip,
        sr=SAMPLE_RATE,
        n_mfcc=N_MFCC,
        n_fft=N_FFT,
        win_length=WIN_LENGTH,
        hop_length=HOP_LENGTH,
        window=WINDOW,
        n_mels=N_MELS,
    )


def librosa_clip_by_clip(clips: np.ndarray) -> np.ndarray:
    """Return librosa's MFCC of all clips, one after the other."""
    return np.stack([librosa_mfcc(clip) for clip in clips])


def librosa_on_one_blas_thread(clips: np.ndarray) -> np.ndarray:
    """Return the same as `librosa_clip_by_clip`, with one thread: several may wait for each other on a busy machine."""
    with threadpool_limits(1, user_api="blas"):
        return librosa_clip_by_clip(clips)


def librosa_in(pool: Executor, clips: np.ndarray) -> np.ndarray:
    """Return librosa's MFCC of all clips, computed by the workers of `pool`."""
    return np.stack(list(pool.map(librosa_mfcc, clips, chunksize=16)))


def encore() -> Candidate:
    """Return Encore's batched MFCC."""
    from common.signals import features

    feature = partial(
        features.mfcc,
        n_mfcc=N_MFCC,
        sample_rate=SAMPLE_RATE,
        n_fft=N_FFT,
        win_length=WIN_LENGTH,
        hop_length=HOP_LENGTH,
        window=WINDOW,
        n_mels=N_MELS,
    )
    return partial(features.extract, feature=feature)


def kaldi() -> Candidate:
    """Return kaldi-native-fbank's MFCC, with settings as close to the others as possible."""
    import kaldi_native_fbank as knf

    options = knf.MfccOptions()
    frame = options.frame_opts
    frame.samp_freq, frame.frame_shift_ms = SAMPLE_RATE, 1000 * HOP_LENGTH / SAMPLE_RATE
    frame.frame_length_ms = 1000 * N_FFT / SAMPLE_RATE
    frame.dither, frame.preemph_coeff, frame.remove_dc_offset = 0.0, 0.0, False
    frame.window_type, frame.snip_edges = WINDOW, False
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.num_ceps = N_MELS, 0.0, N_MFCC
    options.use_energy, options.cepstral_lifter = False, 0.0

    def mfcc(clip: np.ndarray) -> np.ndarray:
        extractor = knf.OnlineMfcc(options)
        extractor.accept_waveform(SAMPLE_RATE, clip)
        extractor.input_finished()
        return np.stack([extractor.get_frame(frame) for frame in range(extractor.num_frames_ready)], axis=1)

    return lambda clips: [mfcc(clip) for clip in clips]


def audioflux() -> Candidate:
    """Return audioflux' MFCC, with settings as close to the others as possible; it is set up once for all clips."""
    import audioflux as af
    from audioflux import type as kind

    spectrum = af.BFT(
        num=N_MELS,
        radix2_exp=N_FFT.bit_length() - 1,
        samplate=SAMPLE_RATE,
        slide_length=HOP_LENGTH,
        low_fre=0.0,
        high_fre=SAMPLE_RATE / 2,
        window_type=kind.WindowType.HAMM,
        scale_type=kind.SpectralFilterBankScaleType.MEL,
        style_type=kind.SpectralFilterBankStyleType.SLANEY,
        normal_type=kind.SpectralFilterBankNormalType.AREA,
        data_type=kind.SpectralDataType.POWER,
    )
    cepstrum = af.XXCC(num=N_MELS)

    def mfcc(clip: np.ndarray) -> np.ndarray:
        power = spectrum.bft(clip)
        cepstrum.set_time_length(time_length=power.shape[-1])
        return cepstrum.xxcc(power, cc_num=N_MFCC)

    return lambda clips: [mfcc(clip) for clip in clips]


LIBROSA = "librosa, clip by clip"
PEERS = {
    "kaldi-native-fbank": (
        kaldi,
        "its window is as long as its transform (1024); natural logarithm; HTK-like mel scale",
    ),
    "audioflux": (audioflux, "its window is as long as its transform (1024); frames not centred; natural logarithm"),
}


@contextmanager
def candidates() -> Iterator[dict[str, Candidate]]:
    """Yield all installed candidates by name."""
    cores = os.cpu_count() or 1
    # Spawned, because a fork of a process in which TensorFlow has threads can deadlock.
    spawned = ProcessPoolExecutor(cores, mp_context=get_context("spawn"))
    with ThreadPoolExecutor(cores) as threads, spawned as processes:
        found: dict[str, Candidate] = {
            "Encore, in batches": encore(),
            LIBROSA: librosa_clip_by_clip,
            "librosa, one BLAS thread": librosa_on_one_blas_thread,
            f"librosa, {cores} threads": partial(librosa_in, threads),
            f"librosa, {cores} processes": partial(librosa_in, processes),
        }
        for name, (make, _) in PEERS.items():
            try:
                found[f"{name}, clip by clip"] = make()
            except ImportError as error:
                print(f"{name}: not installed here ({error})", file=sys.stderr)
        yield found


def seconds(candidate: Candidate, clips: np.ndarray) -> float:
    """Return the seconds of one pass over all clips."""
    started = time.perf_counter()
    candidate(clips)
    return time.perf_counter() - started


def measure(found: dict[str, Candidate], clips: np.ndarray, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each candidate in each repeat; the candidates take turns."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(repeats):
        for name, candidate in found.items():
            time.sleep(REST_S)
            times[name].append(seconds(candidate, clips))
    return times


def report(times: dict[str, list[float]], clips: int) -> None:
    """Print the table."""
    print(f"{'':28} {'clips/s':>8} {'lowest':>8} {'highest':>8} {'x librosa':>10}")
    for name, taken in times.items():
        ratio = statistics.median(base / own for base, own in zip(times[LIBROSA], taken, strict=True))
        rates = [clips / statistics.median(taken), clips / max(taken), clips / min(taken)]
        print(f"{name:28} " + " ".join(f"{rate:8.0f}" for rate in rates) + f" {ratio:10.2f}")
    for name, (_, differs) in PEERS.items():
        if f"{name}, clip by clip" in times:
            print(f"{name} {importlib.metadata.version(name)}: {differs}.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    clips = clips_of_noise(chosen.clips)
    with candidates() as found:
        first_pass = {name: seconds(candidate, clips) for name, candidate in found.items()}
        apart = np.abs(np.asarray(encore()(clips[:8])) - librosa_clip_by_clip(clips[:8])).max()
        times = measure(found, clips, chosen.repeats)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("keras", "librosa", "numpy"))
    print(f"MFCC {N_MFCC} x 94 of {chosen.clips} clips, {chosen.repeats} repeats, {os.cpu_count()} cores; {versions}")
    encore_name = next(iter(times))
    compiled_s = first_pass[encore_name] - min(times[encore_name])
    print(f"Encore compiled in {compiled_s:.1f} s; largest difference to librosa: {apart:.1g}")
    report(times, chosen.clips)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
