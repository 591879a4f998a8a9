"""What NEURON makes of morphologies and cell templates; prints one section a line.

usage: segments_by_rule.py sections FILE...              name of the file, tree, nseg by the 40 µm rule, length
       segments_by_rule.py stubs TEMPLATE FOLDER FILE... name of the file, tree, diameters of the segments
       segments_by_rule.py cells FOLDER FILE TEMPLATE... name of the template, tree, nseg, length
"""
import sys
from pathlib import Path

from neuron import h

h.load_file("stdrun.hoc")
h.load_file("import3d.hoc")


def imported(path: str):
    """The sections that the importer makes, as a simulation has them before its axon is replaced."""
    reader = h.Import3d_Neurolucida3() if path.endswith(".asc") else h.Import3d_SWC_read()
    reader.quiet = 1
    reader.input(path)
    cell = type("Cell", (), {})()
    h.Import3d_GUI(reader, 0).instantiate(cell)
    return cell


def sections(paths: list[str]) -> None:
    for path in paths:
        cell = imported(path)
        for tree in ("soma", "axon", "dend", "apic"):
            for section in getattr(cell, tree, []):
                section.nseg = 1 + 2 * int(section.L / 40)
                print("section", Path(path).name, tree, section.nseg, repr(section.L))


def stubs(template: str, folder: str, names: list[str]) -> None:
    h.load_file(template)
    make = getattr(h, Path(template).stem)
    for name in names:
        cell = make(0, folder, name)
        for tree in ("axon", "myelin"):
            diameters = [repr(segment.diam) for section in getattr(cell, tree) for segment in section]
            print("stub", name, tree, *diameters)


def cells(folder: str, name: str, templates: list[str]) -> None:
    for template in templates:
        h.load_file(template)
        cell = getattr(h, Path(template).stem)(0, folder, name)
        for tree in ("soma", "axon", "dend", "apic", "myelin"):
            for section in getattr(cell, tree):
                print("cell", Path(template).stem, tree, section.nseg, repr(section.L))


if __name__ == "__main__":
    if sys.argv[1] == "sections":
        sections(sys.argv[2:])
    elif sys.argv[1] == "stubs":
        stubs(sys.argv[2], sys.argv[3], sys.argv[4:])
    else:
        cells(sys.argv[2], sys.argv[3], sys.argv[4:])
