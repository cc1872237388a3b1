"""Train the models that the package ships, try settings for them, and judge the results.

    python benchmarks/pretrain.py photos-gray --minutes 3 --device cuda --out models
    python benchmarks/pretrain.py photos-gray --repeat models/photos-gray.json --out again
    python benchmarks/pretrain.py photos-gray --trials base wide --minutes 1 --jobs 2 --out trials
    python benchmarks/pretrain.py --judge models/photos-gray.npz models/photos-color.npz

It learns from ``$SKDAE_DATA/photos/free`` and the sample photographs of scikit-learn alone, and
from drawn images. A training fills its minutes: the learning rate follows the clock, and the file
beside the weights says how, so that ``--repeat`` takes the same steps. Trials are compared on five
photographs that no training sees; Set12 and Kodak24 are for ``--judge``, which chooses nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from _photos import mean_psnr, noisy, read_photos
from _pretrain_data import as_gray, tiles_of_drawings, tiles_of_photos, validation_photos
from _pretrain_files import load, save
from _report import data_folder, machine, print_table
from _timed_cycle import TimedCycle
from PIL import Image

import skdae
from skdae import GaussianNoise, UNetDAE

LEVELS = (15, 25, 50)
GAINS = (0.001, 0.004, 0.01)
MODELS = ("photos-gray", "photos-color", "photos-camera")
N_DRAWINGS = 64
# A container may tell of more cores than it has.
MOST_PROCESSES = 16
BASE: dict[str, Any] = {
    "channels": (48, 96),
    "n_blocks": 3,
    "residual": True,
    "loss": "l1",
    "optimizer": "muon",
    "lr": 0.02,
    "patch_size": 96,
    "batch_size": 32,
}
# What a trial has in place of that. Of "drawings" and "smooth" the data know.
TRIALS: dict[str, dict[str, Any]] = {
    "base": {},
    "wide": {"channels": (64, 128)},
    "wide-4": {"channels": (64, 128), "n_blocks": 4},
    "three": {"channels": (48, 96, 96)},
    "three-2": {"channels": (64, 96, 128), "n_blocks": 2},
    "mse": {"loss": "mse"},
    "lr-01": {"lr": 0.01},
    "lr-04": {"lr": 0.04},
    "adamw": {"optimizer": "adamw", "lr": 0.002},
    "batch-16": {"batch_size": 16},
    "batch-64": {"batch_size": 64},
    "patch-64": {"patch_size": 64, "batch_size": 72},
    "patch-128": {"patch_size": 128, "batch_size": 18},
    "no-drawings": {"drawings": False},
}
# The settings that are trained and shipped.
CHOSEN = "wide"


def noise_of(model: str) -> Any:
    """Return the noise that a model learns to remove."""
    return camera((0, 0.012)) if model == "photos-camera" else GaussianNoise((0, 55 / 255))


def camera(gain: float | tuple[float, float]) -> Any:
    """Return the noise of cameras, of all kinds but for the gain."""
    from skdae import CameraNoise

    return CameraNoise(
        gain,
        read_noise=(0.5, 4),
        white_balance=(1.2, 2.6),
        saturation=(1, 1.8),
        smoothing=(0, 0.8),
        jpeg_quality=(70, 100),
    )


def prepare(folder: Path, limit: int | None) -> None:
    """Write the tiles of photographs and of drawings, unless they are there."""
    if (folder / "drawings.npy").exists():
        return
    start = time.perf_counter()
    n_processes = min(len(os.sched_getaffinity(0)), MOST_PROCESSES)
    photos = tiles_of_photos(n_processes, limit)
    np.save(folder / "photos.npy", photos)
    palette = photos[:, ::32, ::32].reshape(-1, 3)
    drawings = tiles_of_drawings(min(N_DRAWINGS, limit or N_DRAWINGS), palette, n_processes)
    np.save(folder / "drawings.npy", drawings)
    print(
        f"{len(photos)} tiles of photographs, {len(drawings)} of drawings, "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )


def samples_of(model: str, folder: Path, *, drawings: bool) -> list[np.ndarray]:
    """Return the tiles that a model learns from, as float32: their noise is not clipped."""
    names = ["photos.npy", "drawings.npy"] if drawings else ["photos.npy"]
    parts = [np.load(folder / name) for name in names]
    if model == "photos-gray":
        return [tile for part in parts for tile in as_gray(part)]
    return [tile / np.float32(255) for part in parts for tile in part]


def best_of_trials(folder: Path) -> str:
    """Return the trial with the highest mean of the validation."""
    lines = (folder / "trials.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return max(records, key=lambda record: np.mean(list(record["validation"].values())))["trial"]


def train(model: str, trial: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train one model; write its weights and its record, and return the record."""
    start = time.perf_counter()
    if options.capture:
        # A capture that failed was not cleaned up before torch 2.13; none fails here.
        from skdae.training import _captured

        _captured.CAN_CAPTURE = True
    settings = {**BASE, **TRIALS[trial]}
    drawings = settings.pop("drawings", True)
    steps = json.loads(options.repeat.read_text()) if options.repeat else {}
    cycle = TimedCycle(60 * options.minutes, progress=steps.get("progress"))
    X = samples_of(model, options.tiles, drawings=drawings)
    dae = UNetDAE(
        **settings,
        noise=noise_of(model),
        augment=True,
        lr_schedule="constant",
        max_epochs=10**6,
        callbacks=[cycle],
        device=options.device,
        checkpoint=options.checkpoint,
        random_state=options.seed,
    )
    before = time.perf_counter()
    try:
        dae.fit(X)
    except ValueError as diverged:
        if not hasattr(dae, "net_"):
            raise
        print(diverged, flush=True)  # it has the weights of its best epoch
    after = time.perf_counter()
    n_steps = sum(epoch["train_batch_count"] for epoch in dae.net_.history)
    n_pixels = n_steps * settings["batch_size"] * settings["patch_size"] ** 2
    record = {
        "model": model,
        "trial": trial,
        "settings": settings,
        "drawings": drawings,
        "seed": options.seed,
        "n_parameters": sum(p.numel() for p in dae.net_.module_.parameters()),
        "n_tiles": len(X),
        "steps": n_steps,
        "captured": cycle.was_captured,
        "seconds": round(cycle.seconds, 1),
        "seconds_to_start": round(before - start + (after - before) - cycle.seconds, 1),
        "megapixels_per_second": round(n_pixels / cycle.seconds / 1e6, 1),
        "loss_curve": [float(f"{loss:.6g}") for loss in dae.loss_curve_],
        "progress": cycle.progress,
        "skdae": skdae.__version__,
        "machine": machine(options.device),
        # Set12 and Kodak24: what --judge prints is written here by hand, before it is shipped.
        "judged": {},
    }
    name = f"{model}-{trial}" if options.trials else model
    path = options.out / f"{name}.npz"
    save(path, dae, record)
    record["validation"] = validate(load(path, options.device), model)
    save(path, dae, record)
    return record


def validate(dae: UNetDAE, model: str) -> dict[str, float]:
    """Return the PSNR on the photographs that no training sees, at each level."""
    photos = validation_photos()
    if model == "photos-gray":
        photos = [as_gray(photo) for photo in photos]
    else:
        photos = [photo / np.float32(255) for photo in photos if not is_gray(photo)]
    if model == "photos-camera":
        damaged = {f"gain {g}": camera(g).corrupt(photos, random_state=0) for g in GAINS}
    else:
        damaged = {str(level): noisy(photos, level) for level in LEVELS}
    return {k: round(mean_psnr(photos, dae.predict(x)), 3) for k, x in damaged.items()}


def is_gray(photo: np.ndarray) -> bool:
    """Whether the channels of a photograph are equal."""
    return bool((photo == photo[..., :1]).all())


def run_trials(options: argparse.Namespace) -> None:
    """Train each trial in a process of its own, some at once, and print a table."""

    def run(trial: str) -> dict[str, Any] | None:
        arguments = [
            *("--trials", trial, "--alone", "--minutes", str(options.minutes)),
            *("--device", options.device, "--out", str(options.out), "--seed", str(options.seed)),
            *("--tiles", str(options.tiles)),
            *(["--capture"] if options.capture else []),
        ]
        with (options.out / f"{options.model}-{trial}.log").open("w") as log:
            command = [sys.executable, __file__, options.model, *arguments]
            subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
        path = options.out / f"{options.model}-{trial}.json"
        if not path.exists():
            print(f"{trial} FAILED:", Path(log.name).read_text()[-2000:], flush=True)
            return None
        record = json.loads(path.read_text())
        print(trial, record["validation"], f"{record['seconds']} s", flush=True)
        with (options.out / "trials.jsonl").open("a") as lines:
            lines.write(json.dumps(record) + "\n")
        return record

    with ThreadPoolExecutor(options.jobs) as pool:
        records = [record for record in pool.map(run, options.trials) if record]
    head = ["trial", "parameters", "steps", "Mpixel/s", "s", "to start, s"]
    print_table(
        [*head, *records[0]["validation"]] if records else head,
        [
            [
                record["trial"] + ("" if record["captured"] else " (eager)"),
                f"{record['n_parameters']:,}",
                f"{record['steps']:,}",
                f"{record['megapixels_per_second']:.0f}",
                f"{record['seconds']:.0f}",
                f"{record['seconds_to_start']:.0f}",
                *(f"{value:.3f}" for value in record["validation"].values()),
            ]
            for record in records
        ],
    )


def judge(paths: list[Path], device: str) -> None:
    """Print the PSNR on Set12, on its photographs of 512 x 512, and on Kodak24."""
    gray = read_photos("set12")
    large = [index for index, photo in enumerate(gray) if photo.shape == (512, 512)]
    folder = data_folder() / "photos" / "kodak24"
    color = [
        np.asarray(Image.open(path).convert("RGB")) / np.float32(255)
        for path in sorted(folder.glob("*.png"))
    ]
    rows = []
    for path in paths:
        dae = load(path, device)
        is_gray_model = dae.sample_shape_[-1] == 1
        photos, name = (gray, "Set12") if is_gray_model else (color, "Kodak24")
        row, start = [path.stem, name], time.perf_counter()
        for level in LEVELS:
            denoised = dae.predict(noisy(photos, level))
            row.append(f"{mean_psnr(photos, denoised):.3f}")
            if is_gray_model and level == 25:
                pairs = [(photos[i], denoised[i]) for i in large]
                each = [mean_psnr([x], [y]) for x, y in pairs]
        seconds = (time.perf_counter() - start) / (len(LEVELS) * len(photos))
        details = " ".join(f"{value:.2f}" for value in each) if is_gray_model else ""
        mean = f"{np.mean(each):.3f}" if is_gray_model else ""
        rows.append([*row, mean, details, f"{seconds:.2f}"])
    head = ["model", "photographs", *map(str, LEVELS), "512 x 512 at 25", "each", "s a photo"]
    print_table(head, rows)


def main() -> None:
    """Train, try or judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", choices=MODELS)
    parser.add_argument("--minutes", type=float, default=60, help="of training, without its start")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("pretrained"))
    parser.add_argument("--tiles", type=Path, help="folder of the prepared data; default: --out")
    parser.add_argument("--prepare", action="store_true", help="prepare the data, and stop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", nargs="+", choices=TRIALS)
    parser.add_argument("--jobs", type=int, default=1, help="trials at once")
    parser.add_argument(
        "--settings",
        choices=[*TRIALS, "best"],
        default=CHOSEN,
        help="those to train; best: of the trials in --out",
    )
    parser.add_argument("--repeat", type=Path, help="record of a training, to take its steps again")
    parser.add_argument("--checkpoint", type=Path, help="file from which a training goes on")
    parser.add_argument("--capture", action="store_true", help="CUDA graphs before torch 2.13 too")
    parser.add_argument("--limit", type=int, help="so many photographs and drawings, for a test")
    parser.add_argument("--judge", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.judge:
        print(machine(), end="\n\n", flush=True)
        judge(options.judge, options.device)
        return
    options.tiles = options.tiles or options.out
    for folder in (options.out, options.tiles):
        folder.mkdir(parents=True, exist_ok=True)
    prepare(options.tiles, options.limit)
    if options.prepare:
        return
    if options.model is None:
        parser.error("name a model, or files to judge")
    if options.trials and not options.alone:
        print(machine(), end="\n\n", flush=True)
        run_trials(options)
        return
    trial = options.trials[0] if options.trials else options.settings
    if trial == "best":
        trial = best_of_trials(options.out)
    record = train(options.model, trial, options)
    shown = {k: v for k, v in record.items() if k not in ("loss_curve", "progress")}
    print(json.dumps(shown), flush=True)


if __name__ == "__main__":
    main()
