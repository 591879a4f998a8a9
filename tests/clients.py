"""Opens leadfield's files with the programs of the field; `clients.rs` writes the files and runs this.

usage: clients.py CHECK, in a folder with w.h5 (electrodes file), weights.csv, reports.json,
s.parquet and s32.parquet (tables), s.csv and s32.csv. Exits with an error if anything differs.
"""

import importlib.metadata
import importlib.util
import json
import os
import sys

POPULATION = "S1nonbarrel_neurons"
CONTACTS = ["e1", "e2", "e10", "ref"]  # in file order, which is not sorted


def expected_weights():
    """node -> rows -> coefficients in column order, from weights.csv."""
    nodes = {}
    for line in open("weights.csv"):
        node, row, *values = line.split(",")
        rows = nodes.setdefault(int(node), [])
        assert int(row) == len(rows)
        rows.append([float(v) for v in values])
    assert sum(map(len, nodes.values())) == 3161 and len(nodes) == 20
    return nodes


def check_h5py():
    import h5py
    import numpy as np

    with h5py.File("w.h5") as file:
        ids, offsets = file[POPULATION]["node_ids"], file[POPULATION]["offsets"]
        factors = file["electrodes"][POPULATION]["scaling_factors"]
        assert (ids.dtype, offsets.dtype, factors.dtype) == (np.uint64, np.uint64, np.float64)
        assert factors.chunks is None and factors.compression is None and factors.attrs["units"] == "V/nA"
        for place, (node, rows) in enumerate(expected_weights().items()):
            assert ids[place] == node
            np.testing.assert_array_equal(factors[offsets[place] : offsets[place + 1]], rows)
        names = [name for name in file["electrodes"] if name != POPULATION]
        columns = {name: file["electrodes"][name][POPULATION][()] for name in names}
        assert columns == {name: column for column, name in enumerate(CONTACTS)}
        electrode = file["electrodes"]["e2"]
        assert electrode["position"].dtype == np.float32 and electrode["position"].shape == (3,)
        assert electrode["type"].asstr()[()] == "PointSource" and electrode["region"].asstr()[()] == "S1HL"


def check_libsonata():
    import libsonata
    import numpy as np

    reader = libsonata.ElectrodeReader("w.h5")
    assert list(reader.population_names) == [POPULATION]
    population = reader.open_population(POPULATION)
    assert list(population.electrode_names) == CONTACTS
    assert list(population.electrode_types) == ["LineSource", "PointSource", "LineSource", "PointSource"]
    expected = expected_weights()
    assert list(population.node_ids) == list(expected)
    for node, rows in expected.items():
        factors = population.get(libsonata.Selection([node]), None)
        np.testing.assert_array_equal(factors.ids, [(node, i) for i in range(len(rows))])
        np.testing.assert_array_equal(factors.data, rows)


def check_neurodamus():
    import numpy as np

    # importing the package needs the simulator: its reader is loaded from its file
    files = importlib.metadata.files("neurodamus")
    path = next(f.locate() for f in files if str(f).endswith("io/lfp_reader.py"))
    spec = importlib.util.spec_from_file_location("lfp_reader", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    offset = 1000  # global cell ids are node ids and the population's offset
    with module.LFPFileReader("w.h5") as reader:
        for node, rows in expected_weights().items():
            assert reader.get_number_electrodes(node + offset, (POPULATION, offset)) == len(CONTACTS)
            matrix = reader.get_scaling_matrix(node + offset, (POPULATION, offset))
            np.testing.assert_array_equal(matrix, rows)


def check_report():
    import libsonata

    with open("circuit_config.json", "w") as file:
        json.dump({"networks": {"nodes": [], "edges": []}}, file)
    reports = json.load(open("reports.json"))
    config = {
        "version": 2,
        "network": "circuit_config.json",
        "run": {"tstop": 1.0, "dt": 0.025, "random_seed": 1},
        "reports": reports,
    }
    report = libsonata.SimulationConfig(json.dumps(config), os.getcwd()).report("lfp")
    assert report.type == libsonata.SimulationConfig.Report.Type.lfp
    assert os.path.samefile(report.electrodes_file, "w.h5")
    assert report.sections == libsonata.SimulationConfig.Report.Sections.all
    assert report.compartments == libsonata.SimulationConfig.Report.Compartments.all
    assert report.unit == "V"


COLUMNS = ["node_id", "section_id", "segment_id", "section_type", "x0", "y0", "z0", "x1", "y1", "z1", "radius", "row"]


def expected_segments(name):
    """Rows of the table as tuples, in the order of `row`."""
    number = [int, int, int, int] + [float] * 7 + [int]
    rows = []
    for line in open(f"{name}.csv"):
        cells = line.rstrip("\n").split(",")
        rows.append(tuple(None if c == "" else f(c) for f, c in zip(number, cells, strict=True)))
    assert len(rows) == 3161
    return rows


def check_pyarrow():
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, width in [("s", pa.float64()), ("s32", pa.float32())]:
        table = pq.read_table(f"{name}.parquet")
        types = [pa.uint64(), pa.uint32(), pa.uint32(), pa.uint8()] + [width] * 6 + [pa.float32(), pa.uint64()]
        assert table.schema.names == COLUMNS and table.schema.types == types, table.schema
        nullable = [f.name for f in table.schema if f.nullable]
        assert nullable == ["section_type", "radius"], nullable
        rows = list(zip(*(table.sort_by("row").column(c).to_pylist() for c in COLUMNS)))
        assert rows == expected_segments(name)


def check_duckdb():
    import duckdb

    for name, width in [("s", "DOUBLE"), ("s32", "FLOAT")]:
        result = duckdb.sql(f"SELECT * FROM '{name}.parquet' ORDER BY row")
        types = ["UBIGINT", "UINTEGER", "UINTEGER", "UTINYINT"] + [width] * 6 + ["FLOAT", "UBIGINT"]
        assert result.columns == COLUMNS and [str(t) for t in result.types] == types, (result.columns, result.types)
        assert result.fetchall() == expected_segments(name)


def check_pandas():
    import pandas as pd

    pickle = pd.read_pickle("p.pkl")
    for read in [pd.read_parquet("b.parquet"), pd.read_hdf("b.h5").T]:
        pd.testing.assert_frame_equal(read, pickle, check_exact=True, check_index_type=False)
    pickle.T.to_hdf("by_pandas.h5", key="positions")


if __name__ == "__main__":
    globals()[f"check_{sys.argv[1]}"]()
