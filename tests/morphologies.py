"""Prints what MorphIO reads from morphology files, for tests/morphologies.rs to compare with.

Arguments are files, or `container.h5::name`. Numbers are the bits of their float32, in hexadecimal.
"""

import sys

import morphio
import numpy as np

FORMS = {
    morphio.SomaType.SOMA_SINGLE_POINT: "Point",
    morphio.SomaType.SOMA_NEUROMORPHO_THREE_POINT_CYLINDERS: "ThreePoints",
    morphio.SomaType.SOMA_CYLINDERS: "Cylinders",
    morphio.SomaType.SOMA_SIMPLE_CONTOUR: "Contour",
}
KINDS = {
    morphio.SectionType.axon: "axon",
    morphio.SectionType.basal_dendrite: "dend",
    morphio.SectionType.apical_dendrite: "apic",
}


def bits(points, diameters):
    table = np.column_stack([np.reshape(points, (-1, 3)), diameters]).astype(np.float32)
    return " ".join(f"{word:08x}" for word in table.view(np.uint32).ravel())


def load(name):
    # a child of another type starts a section of its own, as in every simulator
    options = morphio.Option.nrn_order | morphio.Option.allow_unifurcated_section_change
    container, _, morphology = name.partition("::")
    if morphology:
        return morphio.Collection(container).load(morphology, options=options)
    return morphio.Morphology(name, options=options)


def soma_form(soma):
    # MorphIO has no word for a contour of two points
    return FORMS.get(soma.type, "Contour" if len(soma.points) else "None")


morphio.set_maximum_warnings(0)
for name in sys.argv[1:]:
    cell = load(name)
    print("file", name)
    print("soma", soma_form(cell.soma), bits(cell.soma.points, cell.soma.diameters))
    # types never interleave in a simulator
    kinds = list(KINDS)
    ordered = sorted(cell.sections, key=lambda section: kinds.index(section.type))
    place = {section.id: i for i, section in enumerate(ordered)}
    for section in ordered:
        parent = "-" if section.is_root else place[section.parent.id]
        print("section", KINDS[section.type], parent, bits(section.points, section.diameters))
