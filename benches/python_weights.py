"""Measures what the Python module adds to the library: weights of about 77,000 segments at 16 contacts.

Run with a Python that has the module: python benches/python_weights.py
"""

from __future__ import annotations

import inspect
import statistics
import tempfile
import time

import leadfield as lf
from leadfield import _leadfield
from leadfield._weights import _settings

RUNS = 60


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        circuit = lf.synthesize_circuit(f"{folder}/circuit", cells=290)
        segments = circuit.segments(out=f"{folder}/segments.parquet")
        electrodes = lf.linear(16, pitch=100.0, at=(0.0, -750.0, 0.0))
        defaults = inspect.signature(lf.weights).parameters.values()
        settings = _settings({given.name: given.default for given in defaults})
        library, module = [], []
        # alternately, so that both see the same machine
        for _ in range(RUNS):
            library.append(_leadfield.time_weights(segments._table, electrodes._list, settings))
            started = time.perf_counter()
            values = lf.weights(segments, electrodes)
            module.append(time.perf_counter() - started)
            # as in the library's measurement, freeing the array is not counted
            del values
        fastest, typical = (min(module) / min(library), statistics.median(module) / statistics.median(library))
        print(f"{len(segments)} segments x {len(electrodes)} contacts, {RUNS} runs each")
        print(f"library: {1e3 * min(library):.2f} ms (median {1e3 * statistics.median(library):.2f})")
        print(f"module:  {1e3 * min(module):.2f} ms (median {1e3 * statistics.median(module):.2f})")
        print(f"ratio:   {fastest:.3f} (of medians {typical:.3f})")


if __name__ == "__main__":
    main()
