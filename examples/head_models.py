"""Converts head models and fields of other programs to lead fields that leadfield reads.

    python head_models.py nyhead sa_nyhead.mat FOLDER [--electrodes Cz,Fz] [--units "uV/(nA m)"]
    python head_models.py mne sample-fwd.fif FOLDER [--electrodes "EEG 001"]
    python head_models.py points field.vtu OUT.csv --potential NAME [--field NAME] [--length mm]

`nyhead` (needs h5py) reads the New York Head of Huang et al. 2016, doi:10.1016/j.neuroimage.2015.12.019, in its HDF5 layout
(MATLAB 7.3): `/sa/cortex75K/vc`, vertices in mm; `/sa/cortex75K/V_fem`, the potential at 231 electrodes of unit dipoles along
x, y and z at each vertex; `/sa/clab_electrodes`, their names. The file does not state the unit of V_fem: check it, 10 nA m
in the cortex give some uV at most on the scalp.
`mne` (needs MNE-Python) reads a forward solution with free orientations: positions in m, potentials in V/(A m), in the
frame that MNE names (head or MRI coordinates).
`points` (needs meshio) reads potential and electric field at the nodes of a mesh, as FEniCS, SimNIBS and duneuro export it:
VTU, XDMF or others that meshio knows. The field is in V/m, the potential in V.

`nyhead` and `mne` write FOLDER/NAME.h5 for each electrode (`/sources/positions`, `/sources/vectors`, each with `units`), and
FOLDER/electrodes.csv with the type DipoleReciprocity. All are in the model's frame; `leadfield weights --field-transform
w,x,y,z,dx,dy,dz` rotates and shifts it to the circuit's.
"""

import argparse
import csv
from pathlib import Path


def write_sources(folder, electrodes, positions_um, vectors, units):
    """electrodes: names with places (µm) or None; vectors: (electrode, source, 3)."""
    import h5py

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for (name, place), own in zip(electrodes, vectors):
        file_name = name.replace("/", "-").replace(" ", "-") + ".h5"
        with h5py.File(folder / file_name, "x") as file:
            file.create_dataset("sources/positions", data=positions_um).attrs["units"] = "um"
            file.create_dataset("sources/vectors", data=own).attrs["units"] = units
        rows.append([name, *place, "DipoleReciprocity", file_name])
    with open(folder / "electrodes.csv", "x", newline="") as file:
        csv.writer(file).writerows([["name", "x", "y", "z", "type", "field"], *rows])


def chosen(names, wanted):
    wanted = wanted.split(",") if wanted else names
    missing = [name for name in wanted if name not in names]
    if missing:
        raise SystemExit(f"no electrode {missing[0]!r}, expected some of {', '.join(names)}")
    return [names.index(name) for name in wanted]


def nyhead(args):
    import h5py
    import numpy as np

    with h5py.File(args.input) as file:
        head = file["sa"]
        vertices = np.asarray(head["cortex75K/vc"])  # MATLAB's order of axes is reversed: (3, vertices)
        vertices = vertices if vertices.shape[1] == 3 else vertices.T
        names = ["".join(chr(c) for c in np.ravel(file[ref])) for ref in np.ravel(head["clab_electrodes"])]
        places = np.asarray(head["locs_3D"])  # (6, electrodes): place and normal
        places = (places if places.shape[0] == len(names) else places.T)[:, :3]
        potentials = np.asarray(head["cortex75K/V_fem"])  # (3, vertices, electrodes)
    if potentials.shape != (3, len(vertices), len(names)):
        raise SystemExit(f"V_fem has shape {potentials.shape}, expected (3, {len(vertices)}, {len(names)})")
    which = chosen(names, args.electrodes)
    electrodes = [(names[i], places[i] * 1e3) for i in which]
    vectors = (potentials[:, :, i].T for i in which)
    write_sources(args.output, electrodes, vertices * 1e3, vectors, args.units)


def mne(args):
    import mne
    import numpy as np

    forward = mne.read_forward_solution(args.input, verbose="error")
    forward = mne.pick_types_forward(forward, meg=False, eeg=True)
    if forward["source_ori"] != mne.io.constants.FIFF.FIFFV_MNE_FREE_ORI:
        raise SystemExit("the forward solution has fixed orientations, expected free ones")
    forward = mne.convert_forward_solution(forward, surf_ori=False, verbose="error")
    names = forward["sol"]["row_names"]
    places = {c["ch_name"]: c["loc"][:3] for c in forward["info"]["chs"]}
    which = chosen(names, args.electrodes)
    # one row an electrode, three columns a source
    potentials = forward["sol"]["data"].reshape(len(names), -1, 3)
    electrodes = [(names[i], np.asarray(places[names[i]]) * 1e6) for i in which]
    write_sources(args.output, electrodes, forward["source_rr"] * 1e6, potentials[which], "V/(A m)")


def points(args):
    import meshio
    import numpy as np

    mesh = meshio.read(args.input)
    header = [f"{axis} [{args.length}]" for axis in "xyz"]
    columns = list(mesh.points.T)
    if args.potential:
        header.append("potential [V]")
        columns.append(np.ravel(mesh.point_data[args.potential]))
    if args.field:
        header.extend(f"e{axis} [V/m]" for axis in "xyz")
        columns.extend(mesh.point_data[args.field].T)
    with open(args.output, "x", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(np.stack(columns, axis=1).tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("nyhead", nyhead), ("mne", mne), ("points", points)):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("input")
        command.add_argument("output")
        if name == "points":
            command.add_argument("--potential", metavar="NAME", help="point data with the potential, V")
            command.add_argument("--field", metavar="NAME", help="point data with the electric field, V/m")
            command.add_argument("--length", default="mm", choices=["um", "mm", "cm", "m"], help="unit of the mesh")
        else:
            command.add_argument("--electrodes", metavar="NAMES", help="separated by commas (default: all)")
        if name == "nyhead":
            command.add_argument("--units", default="uV/(nA m)", help="unit of V_fem")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
