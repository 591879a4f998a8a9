"""Prints the sections that NEURON's importer makes of SWC and ASC files, for tests/importer.rs to compare with.

Each file gives a line `file PATH`, and each of its sections, in the order of their ids, a line `section NAME L POINT...`: its length and
the 1 + nseg ends of its segments, three numbers each, for nseg = 1 + 2 int(L / 40).
"""

import sys

from neuron import h

h.load_file("stdrun.hoc")
h.load_file("import3d.hoc")


def imported(path: str):
    reader = h.Import3d_Neurolucida3() if path.endswith(".asc") else h.Import3d_SWC_read()
    reader.quiet = 1
    reader.input(path)
    cell = type("Cell", (), {})()
    h.Import3d_GUI(reader, 0).instantiate(cell)
    return cell


def ends(section):
    """The ends of its segments, linear between NEURON's 3-d points."""
    points = [(section.arc3d(i), section.x3d(i), section.y3d(i), section.z3d(i)) for i in range(section.n3d())]
    count = 1 + 2 * int(section.L / 40)
    for j in range(count + 1):
        at = section.L * j / count
        step = next((k for k in range(1, len(points)) if points[k][0] >= at and points[k][0] > points[k - 1][0]), None)
        if step is None:
            yield points[-1][1:]
            continue
        (before, *a), (after, *b) = points[step - 1], points[step]
        part = (at - before) / (after - before)
        yield [u + part * (v - u) for u, v in zip(a, b)]


for path in sys.argv[1:]:
    cell = imported(path)
    print("file", path)
    for tree in ("soma", "axon", "dend", "apic"):
        for index, section in enumerate(getattr(cell, tree, [])):
            numbers = [number for point in ends(section) for number in point]
            print("section", f"{tree}[{index}]", repr(section.L), *map(repr, numbers))
