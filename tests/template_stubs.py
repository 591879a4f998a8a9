"""What a cell template makes of an axon; prints one stub a line.

usage: template_stubs.py TEMPLATE FOLDER FILE SCALE [FILE SCALE]...    name of the file, tree, diameters of the segments
"""
import sys
from pathlib import Path

from neuron import h

h.load_file("stdrun.hoc")
h.load_file("import3d.hoc")


def main(template: str, folder: str, cells: list[str]) -> None:
    h.load_file(template)
    make = getattr(h, Path(template).stem)
    for name, scale in zip(cells[::2], cells[1::2]):
        cell = make(0, folder, name, float(scale))
        for tree in ("axon", "myelin"):
            for section in getattr(cell, tree):
                print("stub", name, tree, *[repr(segment.diam) for segment in section])


main(sys.argv[1], sys.argv[2], sys.argv[3:])
