"""Measures DuckDB and brain-indexer on the tables of benches/query.rs: query_peers.py FOLDER [HITS ...].

DuckDB runs in this process with one thread, so that its start is not counted; CPU time, mean of 20 runs after one.
brain-indexer (MorphIndex, in memory) returns only the ids; fastest of 50 runs.
"""

import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def sphere_of(points, center, hits):
    """Return the radius with this number of hits."""
    distance = np.linalg.norm(points - center, axis=1)
    return float(np.partition(distance, hits)[hits])


def columns(path):
    import pyarrow.parquet as pq

    names = [f"{a}{k}" for k in (0, 1) for a in "xyz"]
    table = pq.read_table(path, columns=names + ["row", "section_id"])
    ends = np.stack([table[n].to_numpy().astype(np.float64) for n in names], axis=1)
    return ends[:, :3], ends[:, 3:]


def ask_duckdb(path, center, radius):
    import duckdb

    con = duckdb.connect()
    con.execute("set threads = 1")
    warnings.simplefilter("ignore", UserWarning)  # about an extra copy of the few rows found
    r = 60 + radius  # a midpoint is at most half a short segment from its ends; long ones need the exact condition
    middle = [f"(({a}0::double + {a}1::double) * 0.5 - ({c!r}))" for a, c in zip("xyz", center)]
    exact = f"sqrt({' + '.join(f'{m} * {m}' for m in middle)}) <= {radius!r}"
    # both ends, so that DuckDB can prune by statistics; the margin allows for half the longest segment
    prune = " and ".join(
        f"{a}0 between {c - r - 200!r} and {c + r + 200!r} and {a}1 between {c - r - 200!r} and {c + r + 200!r}"
        for a, c in zip("xyz", center)
    )
    for what in ("count(*)", "*"):
        for text, where in (("as asked", exact), ("with a box to prune by", f"{prune} and {exact}")):
            query = f"select {what} from '{path}' where {where}"
            con.execute(query).to_arrow_table()
            start, times = cpu(), 20 if where != exact else 3
            for _ in range(times):
                found = con.execute(query).to_arrow_table()
            n = found.num_rows if what == "*" else found.column(0)[0]
            print(f"  duckdb {what} {text}: {1e3 * (cpu() - start) / times:.1f} ms CPU, {n} rows")


def ask_brain_indexer(start, end, tests):
    try:
        import brain_indexer
        from brain_indexer import core
    except ImportError as missing:
        print(f"  brain-indexer: not there ({missing})")
        return
    print(f"  brain-indexer {getattr(brain_indexer, '__version__', '')}")
    index = core.MorphIndex()
    n = len(start)
    begin = time.perf_counter()
    # one section per segment; MorphIndex stores points as float32
    step = 8_000  # MorphIndex has section ids of 14 bits
    for i in range(0, n, step):
        a, b = start[i : i + step].astype(np.float32), end[i : i + step].astype(np.float32)
        points = np.stack([a, b], axis=1).reshape(-1, 3)
        radii = np.full(len(points), 0.5, np.float32)
        offsets = np.arange(0, len(points), 2, dtype=np.uint32)
        kinds = np.full(len(offsets), 2, np.uint32)
        index._add_neuron(i // step, points, radii, offsets, kinds, has_soma=False)
    print(f"  built in {time.perf_counter() - begin:.1f} s")
    for center, radius in tests:
        for geometry in ("bounding_box", "best_effort"):
            best, found = 1e9, 0
            for _ in range(50 if radius < 100 else 3):
                begin = time.perf_counter()
                found = len(index._find_intersecting_np(np.asarray(center, np.float32), radius, geometry)["gid"])
                best = min(best, time.perf_counter() - begin)
            print(f"  sphere of {radius:.2f} µm, {geometry}: {1e6 * best:.1f} us, {found} hits")


def main(folder, hits):
    for name in ("f32.parquet", "f64.parquet"):
        path = Path(folder) / name
        start, end = columns(path)
        middle = (start + end) * 0.5
        bounds = np.concatenate([start, end])
        center = [float(v) for v in (bounds.min(axis=0) + bounds.max(axis=0)) * 0.5]
        tests = [(center, sphere_of(middle, center, n)) for n in hits]
        print(name, len(start), "segments")
        for (at, radius), n in zip(tests, hits):
            print(f" sphere of {radius:.2f} µm, {n} hits")
            ask_duckdb(path, at, radius)
        if name.startswith("f32"):
            ask_brain_indexer(start, end, tests)


if __name__ == "__main__":
    main(sys.argv[1], [int(n) for n in sys.argv[2:]] or [100, 10_000, 500_000])
