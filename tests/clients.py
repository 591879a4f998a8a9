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
    """node -> rows -> weights in column order, from weights.csv."""
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


def neurodamus_reader():
    """The reader, from its file: importing the package needs the simulator."""
    files = importlib.metadata.files("neurodamus")
    path = next(f.locate() for f in files if str(f).endswith("io/lfp_reader.py"))
    spec = importlib.util.spec_from_file_location("lfp_reader", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_neurodamus():
    import numpy as np

    module = neurodamus_reader()
    offset = 1000  # global cell ids are node ids and the population's offset
    with module.LFPFileReader("w.h5") as reader:
        for node, rows in expected_weights().items():
            assert reader.get_number_electrodes(node + offset, (POPULATION, offset)) == len(CONTACTS)
            matrix = reader.get_scaling_matrix(node + offset, (POPULATION, offset))
            np.testing.assert_array_equal(matrix, rows)


def check_libsonata_names():
    """The fixed file of the original: names in column order, by which libsonata lists them, and that is their table's."""
    import libsonata

    population = libsonata.ElectrodeReader("w.h5").open_population(POPULATION)
    assert list(population.electrode_names) == CONTACTS, population.electrode_names
    # e10 is a line source, as in its file
    assert list(population.electrode_types) == ["LineSource", "PointSource", "LineSource", "PointSource"]


def libsonata_does(path):
    """What libsonata does with a file of nodes 4 and 9, contacts a and b: `Fails`, `Drops` or `Reads`."""
    import libsonata

    try:
        population = libsonata.ElectrodeReader(path).open_population("pop")
        names, nodes = list(population.electrode_names), list(population.node_ids)
        rows = [len(population.get(libsonata.Selection([node]), None).ids) for node in nodes]
    except Exception:  # its own errors, and those of HDF5
        return "Fails"
    return "Drops" if names != ["a", "b"] or not rows or 0 in rows else "Reads"


def neurodamus_does(module, path):
    """What neurodamus does with it."""
    try:
        with module.LFPFileReader(path) as reader:
            matrices = [reader.get_scaling_matrix(node, ("pop", 0)) for node in (4, 9)]
    except Exception:  # whatever it is, the simulation ends
        return "Fails"
    return "Drops" if any(m is None or len(m) == 0 for m in matrices) else "Reads"


def check_damages():
    """Fails and Drops are seen as such in at least one file of a code; what is said to read or misread never fails."""
    import logging

    logging.disable(logging.CRITICAL)
    module = neurodamus_reader()
    stated, seen = {}, {}
    for case in json.load(open("damages.json")):
        code = case["code"]
        clients = {"libsonata": libsonata_does(case["file"]), "simulator": neurodamus_does(module, case["file"])}
        for client, does in clients.items():
            stated[code, client] = case[client]
            seen.setdefault((code, client), []).append(does)
    wrong = []
    for (code, client), does in seen.items():
        if client == "simulator" and code in ("E34", "E35"):
            continue  # it is CoreNEURON that stops, not the reader
        says = stated[code, client]
        fine = says in does if says in ("Fails", "Drops") else "Fails" not in does
        if not fine:
            wrong.append(f"{code}: {client} said to be {says}, seen {does}")
    assert not wrong, "\n".join(wrong)


def check_junit():
    import xml.etree.ElementTree

    suites = xml.etree.ElementTree.parse("report.xml").getroot()
    cases = suites.findall("testsuite/testcase")
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    # the original's extra column, and the two contacts whose columns it mislabels
    contact = POPULATION + ": contact "
    assert {contact + "e2", contact + "e10", POPULATION + ": columns"} <= failed, failed
    assert int(suites.get("failures")) == len(failed) and int(suites.get("tests")) == len(cases)


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


COORDINATES = ["x0", "y0", "z0", "x1", "y1", "z1"]


def searches():
    """Each table of small row groups with each region: name, file, box of the segments' beginnings, rows that `query` finds.

    Gives the number of row groups too, and how many of them the box may touch by the statistics of x0, y0 and z0.
    """
    import pyarrow.parquet as pq

    for name in ["g", "g32"]:
        file = f"{name}.parquet"
        metadata = pq.read_metadata(file)
        groups = [
            {c.path_in_schema: c.statistics for c in map(metadata.row_group(g).column, range(metadata.num_columns))}
            for g in range(metadata.num_row_groups)
        ]
        assert len(groups) >= 12
        for region in json.load(open(f"{name}.json")):
            low, high = region["low"], region["high"]
            touched = sum(
                all(g[c].max >= a and g[c].min <= b for c, a, b in zip(COORDINATES, low, high)) for g in groups
            )
            if region["name"] == "few":
                assert 0 < len(region["rows"]) <= 40 and touched <= len(groups) / 2, (touched, len(groups))
            yield region["name"], file, (low, high), region["rows"], len(groups), touched


def filters(box):
    """The box as pyarrow, pandas and Dask take it."""
    return [(c, op, v) for op, corner in zip([">=", "<="], box) for c, v in zip(COORDINATES, corner)]


def check_pruning_by_pyarrow():
    import pyarrow.compute as pc
    import pyarrow.dataset
    import pyarrow.parquet as pq

    for _, file, box, rows, groups, touched in searches():
        metadata = pq.read_metadata(file)
        for group in range(groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                assert chunk.statistics.has_min_max, chunk
        inside = pc.scalar(True)
        for c, op, v in filters(box):
            inside &= pc.field(c) >= v if op == ">=" else pc.field(c) <= v
        (fragment,) = pyarrow.dataset.dataset(file).get_fragments()
        left = fragment.split_by_row_group(inside)
        assert len(left) == touched, (len(left), touched, groups)
        assert sorted(fragment.to_table(filter=inside)["row"].to_pylist()) == rows
        # and every page is what was written
        assert pq.read_table(file, page_checksum_verification=True).num_rows == metadata.num_rows


def check_pruning_by_pandas():
    import pandas as pd

    for _, file, box, rows, _, _ in searches():
        found = pd.read_parquet(file, filters=filters(box), columns=["row"])
        assert sorted(found["row"]) == rows


def check_pruning_by_polars():
    """Rows and, from what polars reports of itself, row groups."""
    import subprocess

    import polars

    wanted = os.environ.get("LEADFIELD_POLARS")
    assert wanted is None or polars.__version__.startswith(wanted + "."), (polars.__version__, wanted)
    program = """
import sys, polars as pl
low, high = eval(sys.argv[2])
found = pl.scan_parquet(sys.argv[1])
for c, a, b in zip(["x0", "y0", "z0"], low, high):
    found = found.filter(pl.col(c).is_between(a, b))
print(sorted(found.select("row").collect()["row"].to_list()))
"""
    for _, file, box, rows, groups, touched in searches():
        run = [sys.executable, "-c", program, file, repr(box)]
        verbose = subprocess.run(run, env={**os.environ, "POLARS_VERBOSE": "1"}, capture_output=True, text=True)
        assert verbose.returncode == 0, verbose.stderr
        assert json.loads(verbose.stdout.splitlines()[-1]) == rows
        assert f"reading {touched} / {groups} row groups" in verbose.stderr, verbose.stderr


def check_pruning_by_dask():
    import dask.dataframe as dd

    for _, file, box, rows, _, touched in searches():
        found = dd.read_parquet(file, filters=filters(box), columns=["row"], split_row_groups=True)
        assert found.npartitions == max(touched, 1), (found.npartitions, touched)
        assert sorted(found.compute()["row"]) == rows


def check_pruning_by_duckdb():
    import duckdb

    def scans(node):
        if node.get("type") == "TABLE_SCAN":
            yield node
        for child in node.get("children", []) + node.get("operator", []):
            yield from scans(child)

    for name, file, box, rows, groups, touched in searches():
        inside = " and ".join(f"{c} {op} {v!r}" for c, op, v in filters(box))
        query = f"select row from '{file}' where {inside}"
        assert sorted(row for (row,) in duckdb.sql(query).fetchall()) == rows
        (plan,) = duckdb.sql(f"explain (analyze, format json) {query}").fetchall()
        found = list(scans(json.loads(plan[1])))
        if name == "empty" and not found:
            continue  # known from the statistics alone
        (scan,) = found
        assert scan["row_groups_scanned"] <= touched and scan["rows_scanned"] >= len(rows), (scan, touched, groups)
        assert scan["total_row_groups_to_scan"] <= groups


def check_fastparquet():
    """It reads ids, and has no BYTE_STREAM_SPLIT for the coordinates, as format.md says."""
    import fastparquet

    file = fastparquet.ParquetFile("g.parquet")
    assert len(file.to_pandas(columns=["section_id"])) == 3161
    try:
        file.to_pandas(columns=["x0"])
    except NotImplementedError as error:
        assert "Encoding 9" in str(error), error
    else:
        raise AssertionError("fastparquet reads coordinates: say so in format.md")


def check_recipe():
    """Runs `recipe.py`, a recipe of engines.md, and prints after its own output the bytes that this process read meanwhile, without imports."""
    code = open("recipe.py").read()
    exec("\n".join(line for line in code.splitlines() if line.startswith(("import ", "from "))), {})

    def read():
        counts = dict(line.split(": ") for line in open("/proc/self/io").read().splitlines())
        return int(counts["rchar"])

    before = read()
    exec(compile(code, "recipe.py", "exec"), {"__name__": "__main__"})
    print(read() - before)


def check_touched():
    """The row groups of `segments` that the recipes' first condition leaves, all of them, and the bytes of both."""
    import glob

    import pyarrow.parquet as pq

    low, high, reach = (-50, -300, -50), (50, -100, 50), 100
    groups, touched, size, needed = 0, 0, 0, 0
    for file in glob.glob("segments/part-*.parquet"):
        metadata = pq.read_metadata(file)
        for g in map(metadata.row_group, range(metadata.num_row_groups)):
            chunks = {c.path_in_schema: c for c in map(g.column, range(g.num_columns))}
            bounds = [chunks[c].statistics for c in COORDINATES]
            near = all(s.max >= a - reach and s.min <= b + reach for s, a, b in zip(bounds, low, high))
            stored = sum(c.total_compressed_size for c in chunks.values())
            groups, touched = groups + 1, touched + near
            size, needed = size + stored, needed + near * stored
    print(touched, groups, needed, size)


def check_rewrite():
    """Writes s.parquet anew by other programs, each in its own way: metadata lost, other types, another order."""
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    pd.read_parquet("s.parquet").sort_values("x0").to_parquet("by_pandas.parquet", index=False)
    frame = pl.read_parquet("s.parquet").sort("row", descending=True)
    frame.select(reversed(frame.columns)).write_parquet("by_polars.parquet", compression="lz4")
    duckdb.sql("copy (select * from 's.parquet' order by y0) to 'by_duckdb.parquet' (format parquet)")
    integers = {"node_id": "int64", "section_id": "int16", "segment_id": "uint8", "row": "int32"}
    narrow = pd.read_parquet("s.parquet").sample(frac=1, random_state=1).astype(integers)
    narrow.to_parquet("narrow.parquet", compression="gzip")
    table = pq.read_table("s.parquet")
    names = ["soma", "axon", "dend", "apic", "ais", "node", "myelin"]
    kinds = pa.array([None if k is None else names[k] for k in table["section_type"].to_pylist()], pa.large_string())
    table = table.set_column(3, "section_type", kinds).set_column(0, "node_id", table["node_id"].dictionary_encode())
    pq.write_table(table, "large_string.parquet", compression="snappy")
    kinds = pa.chunked_array([kinds.cast(pa.string()).dictionary_encode()])
    pq.write_table(table.set_column(3, "section_type", kinds), "dictionary.parquet", use_byte_stream_split=False)
    pq.write_table(pq.read_table("s.parquet"), "brotli.parquet", compression="brotli")


def check_pandas():
    import pandas as pd

    pickle = pd.read_pickle("p.pkl")
    for read in [pd.read_parquet("b.parquet"), pd.read_hdf("b.h5").T]:
        pd.testing.assert_frame_equal(read, pickle, check_exact=True, check_index_type=False)
    pickle.T.to_hdf("by_pandas.h5", key="positions")


def check_lfpykit():
    """Weights of heads, magnetometers and a slice against LFPykit; w.h5 is read by its contacts' names.

    Differences of dipole methods are relative to |M| |m - c|, the largest weight at that distance from the centre.
    """
    import h5py
    import lfpykit
    import numpy as np
    from lfpykit.eegmegcalc import FourSphereVolumeConductor, InfiniteVolumeConductor, SphericallySymmetricVolCondMEG

    contacts = json.load(open("contacts.json"))
    rows = [line.split(",") for line in open("s.csv")]
    ends = np.array([[float(v) for v in row[4:10]] for row in rows])
    start, end = ends[:, :3], ends[:, 3:]
    middle = (start + end) / 2
    center = middle.mean(axis=0)
    with h5py.File("w.h5") as file:
        population = next(name for name in file if name != "electrodes")
        weights = file["electrodes"][population]["scaling_factors"][()]
        columns = {c["name"]: file["electrodes"][c["name"]][population][()] for c in contacts}
    of_type = lambda kind: [c for c in contacts if c["type"] == kind]
    places = lambda kind: np.array([[c["x"], c["y"], c["z"]] for c in of_type(kind)])
    found = lambda kind: weights[:, [columns[c["name"]] for c in of_type(kind)]]

    def compare(kind, vectors, limit):
        """vectors: one M a contact."""
        expected = (middle - center) @ vectors.T
        scale = np.linalg.norm(middle - center, axis=1)[:, None] * np.linalg.norm(vectors, axis=1)[None, :]
        report(kind, np.abs(found(kind) - expected) / scale, limit)

    def report(kind, differences, limit):
        assert differences.size >= 1000, differences.shape
        assert differences.max() <= limit, (kind, differences.max())
        print(kind, differences.size, f"{differences.max():.1e}")

    head = of_type("FourSphere")[0]
    h = np.array(head["head_center"])
    # LFPykit refuses an electrode that rounding puts outside the scalp
    inside = (places("FourSphere") - h) * (1 - 1e-13)
    model = FourSphereVolumeConductor(inside, head["head_radii"], head["head_conductivities"], iter_factor=1e-14)
    compare("FourSphere", model.get_transformation_matrix(center - h) * 1e-3, 1e-6)  # mV to V
    sensors = places("MEG") - h
    field = SphericallySymmetricVolCondMEG(sensors).get_transformation_matrix(center - h)  # nA/µm per nA µm
    normals = np.array([c["coil_normal"] for c in of_type("MEG")])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    # nA/µm = 1e-3 A/m; mu0 = 4e-7 pi T m/A; 1 T = 1e15 fT
    compare("MEG", np.einsum("skj,sk->sj", field, normals) * 1e-3 * 4e-7 * np.pi * 1e15, 1e-6)
    sigma = 0.277
    to = places("InfiniteDipole") - center
    model = InfiniteVolumeConductor(sigma)
    vectors = np.array([model.get_transformation_matrix(r[None, :])[0] for r in to])
    compare("InfiniteDipole", vectors * 1e-3, 1e-6)
    moment = lfpykit.CurrentDipoleMoment(lfpykit.CellGeometry(*(np.stack([start[:, k], end[:, k]], 1) for k in range(3)), d=np.ones(len(rows))))
    # its positions are those of the circuit, ours are relative to the centre
    ours = weights[:, [columns["p_" + axis] for axis in "xyz"]]
    differences = np.abs(ours - (moment.get_transformation_matrix().T - center)) / np.abs(ours).max()
    assert differences.max() < 1e-12, differences.max()
    print("CurrentDipole", differences.size, f"{differences.max():.1e}")

    cell = lfpykit.CellGeometry(*(np.stack([start[:, k], end[:, k]], 1) for k in range(3)), d=np.ones(len(rows)))
    x, y, z = places("LineSource").T
    bottom, top = of_type("LineSource")[0]["planes"]
    slices = lambda steps: lfpykit.RecMEAElectrode(
        cell, sigma_T=0.3, sigma_S=1.5, sigma_G=0.0, h=top - bottom, z_shift=bottom, x=x, y=y, z=z, steps=steps,
        method="root_as_point",
    ).get_transformation_matrix().T * 1e-3
    report("slice", np.abs(found("LineSource") / slices(200) - 1), 1e-6)
    print("slice with LFPykit's 20 images", f"{np.abs(found('LineSource') / slices(20) - 1).max():.1e}")


def convert(*arguments):
    import subprocess

    script = os.path.join(os.path.dirname(__file__), "../examples/head_models.py")
    subprocess.run([sys.executable, script, *arguments], check=True)


def check_head_models():
    """Writes a forward solution of MNE-Python, a file in the layout of the New York Head, and a mesh, all of one spherical
    head and centred at its origin, with sources at and around the point of source.json (µm); converts them."""
    import h5py
    import meshio
    import mne
    import numpy as np

    radii, sigmas = [0.079, 0.080, 0.085, 0.090], [0.33, 1.65, 0.0165, 0.33]
    source = np.array(json.load(open("source.json"))) / 1e6
    sources = source + np.array([[0, 0, 0], [0.006, 0, 0], [-0.006, 0, 0], [0, 0, -0.006]])
    names = ["Cz", "Fz", "C4"]
    places = np.array([[0, 0, 1], [0, 0.6, 0.8], [0.6, 0, 0.8]]) * radii[3]
    montage = mne.channels.make_dig_montage(
        dict(zip(names, places)), nasion=[0, 0.09, 0], lpa=[-0.09, 0, 0], rpa=[0.09, 0, 0], coord_frame="head"
    )
    info = mne.create_info(names, 1000.0, "eeg").set_montage(montage)
    relative = [r / radii[3] for r in radii]
    sphere = mne.make_sphere_model((0, 0, 0), radii[3], info=None, relative_radii=relative, sigmas=sigmas, verbose="error")
    space = mne.setup_volume_source_space(
        pos={"rr": sources, "nn": np.tile([0.0, 0.0, 1.0], (4, 1))}, sphere_units="m", verbose="error"
    )
    forward = mne.make_forward_solution(info, trans=None, src=space, bem=sphere, meg=False, eeg=True, verbose="error")
    mne.write_forward_solution("sphere-fwd.fif", forward, verbose="error")
    convert("mne", "sphere-fwd.fif", "mne")

    # MATLAB's order of axes is reversed in HDF5; mm; cells of strings are references
    potentials = forward["sol"]["data"].reshape(3, 4, 3)  # V/(A m)
    with h5py.File("sa_nyhead.mat", "w") as file:
        file["sa/cortex75K/vc"] = sources.T * 1e3
        file["sa/cortex75K/V_fem"] = potentials.transpose(2, 1, 0) / 1e3  # uV/(nA m)
        file["sa/locs_3D"] = np.hstack([places * 1e3, places]).T
        cells = file.create_dataset("sa/clab_electrodes", (3, 1), dtype=h5py.ref_dtype)
        for i, name in enumerate(names):
            cell = file.create_dataset(f"#refs#/{i}", data=np.array([[ord(c)] for c in name], np.uint16))
            cells[i, 0] = cell.ref
    convert("nyhead", "sa_nyhead.mat", "nyhead", "--electrodes", "C4,Cz")

    # a linear potential: it is interpolated exactly, and its field is the same everywhere
    grid = np.stack(np.meshgrid(*[np.linspace(-2, 2, 9)] * 3), -1).reshape(-1, 3) + source * 1e3  # mm
    tetrahedra = [("tetra", np.array([[0, 1, 9, 81]]))]
    data = {"phi": grid @ [1.0, 2.0, 3.0], "E": np.tile([-1e3, -2e3, -3e3], (len(grid), 1))}
    meshio.Mesh(grid, tetrahedra, point_data=data).write("field.vtu")
    convert("points", "field.vtu", "field.csv", "--potential", "phi", "--field", "E")


def signals_by_numpy():
    """Times in ms, and the product of the report's currents and the file's weights in V: (frames, contacts)."""
    import h5py
    import numpy as np

    with h5py.File("c.h5") as report, h5py.File("w.h5") as weights:
        group = report["report"][POPULATION]
        currents, mapping = group["data"][:].astype(float), group["mapping"]
        pointers, sections = mapping["index_pointers"][:], mapping["element_ids"][:]
        ids, offsets = weights[POPULATION]["node_ids"][:], weights[POPULATION]["offsets"][:]
        factors = weights["electrodes"][POPULATION]["scaling_factors"]
        total = np.zeros((len(currents), factors.shape[1]))
        for place, node in enumerate(mapping["node_ids"][:]):
            own = slice(pointers[place], pointers[place + 1])
            order = np.argsort(sections[own], kind="stable")
            row = int(np.searchsorted(ids, node))
            total += currents[:, own][:, order] @ factors[offsets[row] : offsets[row + 1]]
        start, _, step = mapping["time"][:]
        return start + step * np.arange(len(currents)), total


def assert_same_signals(found, expected):
    import numpy as np

    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def check_signals_numpy():
    import h5py
    import numpy as np

    _, expected = signals_by_numpy()
    with h5py.File("lfp.h5") as file:
        data = file["report"][POPULATION]["data"]
        assert data.attrs["units"] == "uV"
        assert_same_signals(data[:] / 1e6, expected)
        names = file["report"][POPULATION]["mapping"]["contact_names"].asstr()[:]
        assert list(names) == CONTACTS
    assert_same_signals(np.load("lfp.npy") / 1e3, expected)


def check_signals_libsonata():
    import libsonata
    import numpy as np

    _, expected = signals_by_numpy()
    frame = libsonata.ElementReportReader("lfp32.h5")[POPULATION].get()
    found = np.asarray(frame.data)
    assert found.shape == expected.shape
    assert np.abs(found - expected * 1e3).max() <= 1e-6 * np.abs(expected * 1e3).max()


def check_signals_bmtk():
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from bmtk.analyzer.ecp import plot_ecp
    from matplotlib import pyplot

    times, expected = signals_by_numpy()
    # bmtk 1.2.0 unpacks the given path as the pair that it makes of a configuration
    plot_ecp(ecp_path=(None, "ecp.h5"), show=False)
    axes = [axes for axes in pyplot.gcf().axes if axes.lines]
    assert len(axes) == len(CONTACTS)
    drawn = np.stack([a.lines[0].get_ydata() for a in axes], axis=1)
    assert_same_signals(drawn / 1e3, expected)
    np.testing.assert_allclose(axes[0].lines[0].get_xdata(), times, atol=1e-9)


def check_signals_pynwb():
    import numpy as np
    import pynwb

    times, expected = signals_by_numpy()
    for name in ["lfp.nwb", "groups.nwb"]:
        found = pynwb.validate(path=name)
        errors = found[0] if isinstance(found, tuple) else found
        assert not errors, errors
    with pynwb.NWBHDF5IO("lfp.nwb", "r", load_namespaces=False) as io:
        series = io.read().acquisition["ElectricalSeries"]
        # the conversion is a float32
        volts = series.data[:] * series.conversion
        assert np.abs(volts - expected).max() <= 1e-6 * np.abs(expected).max()
        np.testing.assert_allclose(series.get_timestamps()[:] * 1e3, times, rtol=1e-6, atol=1e-6)
        table = series.electrodes.table.to_dataframe()
        assert list(table["contact_name"]) == CONTACTS and len(series.electrodes.data) == len(CONTACTS)
    with pynwb.NWBHDF5IO("groups.nwb", "r", load_namespaces=False) as io:
        acquired = io.read().acquisition
        total = sum(series.data[:] * series.conversion for series in acquired.values())
        assert len(acquired) > 1
        assert np.abs(total - expected).max() <= 1e-6 * np.abs(expected).max()


def check_signals_make_neuron():
    """A neuron in NEURON, with a synapse: writes its report, table and contacts, and LFPykit's signals."""
    import h5py
    import lfpykit
    import numpy as np
    import pandas as pd
    from neuron import h

    h.load_file("stdrun.hoc")
    trunk, left, right = h.Section(name="trunk"), h.Section(name="left"), h.Section(name="right")
    points = {
        trunk: [(0, 0, 0, 4), (10, 200, 0, 3)],
        left: [(10, 200, 0, 2), (-90, 330, 40, 1)],
        right: [(10, 200, 0, 2), (150, 310, -30, 1.5)],
    }
    sections = list(points)
    for section in sections:
        for point in points[section]:
            section.pt3dadd(*point)
        section.nseg = 5
        section.insert("hh" if section is trunk else "pas")
    left.connect(trunk(1))
    right.connect(trunk(1))
    synapse = h.AlphaSynapse(right(0.8))
    synapse.onset, synapse.tau, synapse.gmax, synapse.e = 2, 1, 0.01, 0
    cvode = h.CVode()
    cvode.use_fast_imem(1)
    segments = [(number, segment) for number, section in enumerate(sections) for segment in section]
    recorded = [h.Vector().record(segment._ref_i_membrane_) for _, segment in segments]
    h.dt = 0.025
    h.finitialize(-65)
    h.continuerun(10)
    currents = np.stack([np.array(vector) for vector in recorded])
    rows = []
    for number, segment in segments:
        first, last = (np.array(point[:3], float) for point in points[segment.sec])
        ends = [first + (last - first) * x for x in (segment.x - 0.1, segment.x + 0.1)]
        rows.append((number, round(segment.x * 5 - 0.5), *ends[0], *ends[1], segment.diam / 2))
    names = ["section_id", "segment_id", "x0", "y0", "z0", "x1", "y1", "z1", "radius"]
    table = pd.DataFrame(rows, columns=names).astype({"section_id": "uint32", "segment_id": "uint32", "radius": "float32"})
    table.insert(0, "node_id", np.zeros(len(table), np.uint64))
    table.insert(3, "section_type", np.full(len(table), 2, np.uint8))
    table["row"] = np.arange(len(table), dtype=np.uint64)
    table.to_parquet("neuron.parquet", index=False)
    contacts = np.array([[60, 150, 20], [-200, 300, 0], [0, -300, 100], [400, 400, 400]], float)
    lines = [f"{i},{x},{y},{z},NA,NA,LineSource" for i, (x, y, z) in enumerate(contacts)]
    open("contacts.csv", "w").write("\n".join(["name,x,y,z,layer,region,type", *lines]) + "\n")
    # the simulator's order is not that of the sections: right, trunk, left
    order = np.concatenate([np.arange(10, 15), np.arange(0, 5), np.arange(5, 10)])
    with h5py.File("neuron.h5", "w") as file:
        group = file.create_group("report/cells")
        group["data"] = currents.T[:, order]
        group["mapping/node_ids"] = np.array([0], np.uint64)
        group["mapping/index_pointers"] = np.array([0, 15], np.uint64)
        group["mapping/element_ids"] = table["section_id"].to_numpy()[order]
        group["mapping/time"] = [0.0, 0.025 * currents.shape[1], 0.025]
    ends = [table[[f"{axis}0", f"{axis}1"]].to_numpy() for axis in "xyz"]
    cell = lfpykit.CellGeometry(*ends, d=2 * table["radius"].to_numpy(float))
    probe = lfpykit.LineSourcePotential(cell, x=contacts[:, 0], y=contacts[:, 1], z=contacts[:, 2], sigma=0.3)
    np.save("lfpykit.npy", probe.get_transformation_matrix() @ currents)


def check_signals_neuron():
    import numpy as np

    found, expected = np.load("found.npy"), np.load("lfpykit.npy").T
    assert np.abs(expected).max() > 1e-5, "there is a signal, mV"
    assert found.shape == expected.shape
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert difference <= 1e-12, difference


SWC = """1 1 0 0 0 8 -1
2 3 0 8 0 2 1
3 3 10 200 5 1.5 2
4 3 -90 330 40 0.5 3
5 3 150 310 -30 0.75 3
6 2 0 -8 0 1 1
7 2 20 -250 30 0.5 6
"""


def check_signals_make_lfpy():
    """A neuron in LFPy, with a synapse: writes its report, table and contacts, and the signals of LFPy's own probe."""
    import h5py
    import LFPy
    import numpy as np
    import pandas as pd

    open("cell.swc", "w").write(SWC)
    cell = LFPy.Cell(morphology="cell.swc", passive=True, d_lambda=0.02, dt=0.0625, tstop=20.0)
    tip = cell.get_closest_idx(x=150.0, y=310.0, z=-30.0)
    synapse = LFPy.Synapse(cell, idx=tip, syntype="ExpSyn", e=0.0, tau=2.0, weight=0.01)
    synapse.set_spike_times(np.array([2.0]))
    contacts = np.array([[60, 150, 20], [-200, 300, 0], [0, -300, 100], [400, 400, 400]], float)
    x, y, z = contacts.T
    probe = LFPy.RecExtElectrode(cell, x=x, y=y, z=z, sigma=0.3, method="linesource")
    cell.simulate(probes=[probe], rec_imem=True)
    currents = cell.imem
    sections = [number for number, section in enumerate(cell.allseclist) for _ in section]
    assert len(sections) == cell.totnsegs == len(currents) > 10
    ids = np.array(sections, np.uint32)
    first_of_section = np.searchsorted(ids, ids)
    ends = {f"{axis}{end}": getattr(cell, axis)[:, end] for end in (0, 1) for axis in "xyz"}
    table = pd.DataFrame({"node_id": np.zeros(len(ids), np.uint64), "section_id": ids})
    table["segment_id"] = (np.arange(len(ids)) - first_of_section).astype(np.uint32)
    table["section_type"] = np.full(len(ids), 2, np.uint8)
    for name, values in ends.items():
        table[name] = np.asarray(values, float)
    table["radius"] = (cell.d / 2).astype(np.float32)
    table["row"] = np.arange(len(ids), dtype=np.uint64)
    table.to_parquet("neuron.parquet", index=False)
    lines = [f"{i},{x},{y},{z},NA,NA,LineSource" for i, (x, y, z) in enumerate(contacts)]
    open("contacts.csv", "w").write("\n".join(["name,x,y,z,layer,region,type", *lines]) + "\n")
    with h5py.File("neuron.h5", "w") as file:
        group = file.create_group("report/cells")
        group["data"] = currents.T
        group["mapping/node_ids"] = np.array([0], np.uint64)
        group["mapping/index_pointers"] = np.array([0, len(ids)], np.uint64)
        group["mapping/element_ids"] = ids
        group["mapping/time"] = [0.0, cell.dt * currents.shape[1], cell.dt]
    np.save("lfpykit.npy", probe.data)


if __name__ == "__main__":
    globals()["check_" + sys.argv[1].replace("-", "_")]()
