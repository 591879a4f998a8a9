"""Multiplies the currents of a report by weights with numpy, as one writes it by hand, and prints the CPU time.

Usage: signals_peers.py REPORT OFFSET FRAMES ELEMENTS CONTACTS

The currents are single precision at a byte offset of the file, one row per frame. Weights are any numbers: the time does not
depend on them. Prints the least CPU time of three runs, s, in double and in single precision. `benches/signals.rs` starts it.
"""

import os
import sys
import time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
import numpy as np  # noqa: E402: the number of threads is read when numpy is imported

BLOCK = 64


def multiply(path, offset, shape, weights):
    """Reads and multiplies blocks of frames; numpy converts a block to the type of the weights."""
    out = np.empty((shape[0], weights.shape[1]))
    with open(path, "rb") as file:
        file.seek(offset)
        for first in range(0, shape[0], BLOCK):
            rows = min(BLOCK, shape[0] - first)
            block = np.fromfile(file, np.float32, rows * shape[1]).reshape(rows, shape[1])
            out[first : first + rows] = block.astype(weights.dtype, copy=False) @ weights
    return out


def least(work):
    times = []
    for _ in range(3):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def main():
    path, offset, *sizes = sys.argv[1:]
    frames, elements, contacts = map(int, sizes)
    weights = np.random.default_rng(1).random((elements, contacts))
    for kind in (np.float64, np.float32):
        own = weights.astype(kind)
        print(least(lambda: multiply(path, int(offset), (frames, elements), own)))


main()
