"""Memory and speed of a fit and a prediction on images in a file that is larger than memory.

    python benchmarks/out_of_core.py --gigabytes 8 --net dense
    python benchmarks/out_of_core.py --gigabytes 1 --turns 3 --part 1

Peak memory is that of a process of its own, less what it takes after its imports, as Linux counts
it. Throughput is in images a second, over that of an array in memory of a part of the images; each
is the best of so many turns, which alternate. The less a net computes, the more of the time goes
into reading: "dense" is a DenseDAE of 8 units, "conv" a small ConvDAE.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import print_machine, print_table

SHAPE = (64, 64)


def images(n: int, seed: int) -> np.ndarray:
    """Return images with edges, so that there is something to learn."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 8, 8), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def write(kind: str, path: Path, n: int) -> None:
    """Write n images to a file, a part at a time."""
    shape = (n, *SHAPE)
    if kind == "memmap":
        target = np.memmap(path, dtype=np.uint8, mode="w+", shape=shape)
    elif kind == "hdf5":
        import h5py

        target = h5py.File(path, "w").create_dataset("x", shape, np.uint8, chunks=(256, *SHAPE))
    else:
        import zarr

        target = zarr.create_array(path, shape=shape, dtype="uint8", chunks=(1024, *SHAPE))
    for start in range(0, n, 2**14):
        stop = min(start + 2**14, n)
        target[start:stop] = images(stop - start, start)
    if kind == "hdf5":
        target.file.close()


def opened(kind: str, path: Path, n: int) -> object:
    """Open what ``write`` wrote."""
    if kind == "memmap":
        return np.memmap(path, dtype=np.uint8, mode="r", shape=(n, *SHAPE))
    if kind == "hdf5":
        import h5py

        return h5py.File(path)["x"]
    import zarr

    return zarr.open_array(path, mode="r")


def peak_kilobytes() -> int:
    """Return the peak memory of this process; that of ``resource`` begins with its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def run(kind: str, path: Path, n: int, net: str) -> None:
    """Fit and predict once; print seconds and peak memory."""
    from skdae import ConvDAE, DenseDAE

    X = opened(kind, path, n) if kind != "array" else images(n, 0)
    out = np.memmap(f"{path}.out", dtype=np.uint8, mode="w+", shape=(n, *SHAPE))
    settings = {"noise": "gaussian", "max_epochs": 1, "batch_size": 128, "random_state": 0}
    is_dense = net == "dense"
    dae = DenseDAE((), latent_dim=8, **settings) if is_dense else ConvDAE((16, 16), **settings)
    before = peak_kilobytes()
    start = time.perf_counter()
    dae.fit(X)
    fitted = time.perf_counter()
    trained = peak_kilobytes()
    dae.predict(X, out=out)
    done = time.perf_counter()
    peak = peak_kilobytes()
    seconds = [fitted - start, done - fitted]
    print(json.dumps({"seconds": seconds, "kilobytes": [trained - before, peak - before]}))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--part", type=int, default=16, help="1 / part of the images in memory")
    parser.add_argument("--net", choices=("conv", "dense"), default="conv")
    parser.add_argument("--kinds", nargs="+", default=["memmap", "hdf5", "zarr"])
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        kind, path, n = arguments.run
        run(kind, Path(path), int(n), arguments.net)
        return
    print_machine()
    n = int(arguments.gigabytes * 2**30 / np.prod(SHAPE))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in arguments.kinds:
            path = Path(folder) / kind
            write(kind, path, n)
            speeds: dict[str, list] = {kind: [], "array": []}
            for _ in range(arguments.turns):
                for which, number in ((kind, n), ("array", n // arguments.part)):
                    command = [sys.executable, __file__, "--run", which, str(path), str(number)]
                    command += ["--net", arguments.net]
                    done = subprocess.run(command, capture_output=True, text=True, check=True)
                    result = json.loads(done.stdout)
                    speeds[which].append([number / seconds for seconds in result["seconds"]])
                    if which == kind:
                        peaks = [value / 2**20 for value in result["kilobytes"]]
                    print(which, number, result, flush=True)
            best, array = (np.max(speeds[which], axis=0) for which in (kind, "array"))
            cells = [f"{peak:.2f} GB" for peak in peaks]
            cells += [f"{ratio:.2f}" for ratio in best / array]
            rows.append([kind, f"{arguments.gigabytes:g} GB", *cells])
    print_table(["file", "size", "peak of fit", "and predict", "fit, over memory", "predict"], rows)


if __name__ == "__main__":
    main()
