"""Compares `leadfield convert` with pandas on pickles of 1000 neurons.

usage: convert_peers.py LEADFIELD [CELLS [NEURONS_PER_FILE]], with a release build, in a Python with pandas, pyarrow, tables

The neurons are synthesized, and their positions written as BlueRecording does (one frame per file, labelled (id, section)).
pandas reads each pickle and writes it as Parquet, once with renamed columns (pandas refuses duplicate names) and once
transposed; it creates no segments, no spatial order and no single table. CPU time, user and system; pandas without its
import, leadfield with its start. Three alternating rounds; the minimum and all times are printed.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def run(*args):
    subprocess.run([str(a) for a in args], check=True)


def write_pickles(program, folder, cells, per_file):
    run(program, "synthesize", folder / "circuit", "--cells", cells, "--with-report", "--quiet")
    run(program, "positions", folder / "circuit/simulation_config.json", "-o", folder / "s.parquet", "--quiet")
    run(program, "convert", folder / "s.parquet", "-o", folder / "b.h5", "--quiet")
    whole = pd.read_hdf(folder / "b.h5").T
    ids = whole.columns.get_level_values("id")
    distinct = ids.unique()
    for k in range(0, len(distinct), per_file):
        file = folder / "positions" / str(k // per_file // 100) / f"positions{k // per_file}.pkl"
        file.parent.mkdir(parents=True, exist_ok=True)
        some = whole.loc[:, ids.isin(distinct[k : k + per_file])]
        some.columns = some.columns.remove_unused_levels()
        some.to_pickle(file)
    return sorted((folder / "positions").rglob("*.pkl"))


def by_leadfield(program, folder):
    before = cpu(resource.RUSAGE_CHILDREN)
    run(program, "convert", folder / "positions", "-o", folder / "t.parquet", "--quiet", "--force")
    return cpu(resource.RUSAGE_CHILDREN) - before


def wide(frame):
    """Return the frame with unique column names."""
    labels = frame.columns.to_flat_index()
    number = frame.columns.to_frame(index=False).groupby(["id", "section"]).cumcount()
    frame.columns = [f"{i}_{s}_{k}" for (i, s), k in zip(labels, number)]
    return frame


def tall(frame):
    """Return the transposed frame."""
    frame = frame.T
    frame.columns = ["x", "y", "z"]
    return frame.reset_index()


def by_pandas(files, folder, shape):
    before = cpu(resource.RUSAGE_SELF)
    for k, file in enumerate(files):
        shape(pd.read_pickle(file)).to_parquet(folder / f"pandas-{k}.parquet")
    return cpu(resource.RUSAGE_SELF) - before


def main():
    program = Path(sys.argv[1]).resolve()
    cells, per_file = (sys.argv[2:] + ["1000", "1"][len(sys.argv) - 2 :])[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_pickles(program, folder, int(cells), int(per_file))
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{cells} neurons in {len(files)} files, {size:.1f} MB; pandas {pd.__version__}")
        shapes = [wide, tall]
        for shape in shapes:  # what is loaded at first use is not counted
            by_pandas(files[:1], folder, shape)
        ours, theirs = [], {shape: [] for shape in shapes}
        for _ in range(3):
            ours.append(by_leadfield(program, folder))
            for shape in shapes:
                theirs[shape].append(by_pandas(files, folder, shape))
        text = lambda times: ", ".join(f"{t:.3f}" for t in times)
        print(f"leadfield: {text(ours)} s")
        for shape, times in theirs.items():
            print(f"pandas, {shape.__name__}: {text(times)} s; {min(times) / min(ours):.1f} times as much")


if __name__ == "__main__":
    main()
