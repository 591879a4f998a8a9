"""Writes the pickles of this folder: the same small frame by several versions of pandas and protocols of pickle.

usage: make.py NAME [old], in an environment with the pandas that NAME tells, e.g. `make.py pandas-2.1`

The frame has the layout of BlueRecording: rows x, y, z; columns labelled (id, section). Values are exact in float32.
`old` writes the state that pandas before 1.3 gave its blocks, as later ones still read it.
"""

import copyreg
import pickle
import sys

import numpy as np
import pandas as pd

LABELS = [(7, 0), (7, 0), (7, 0), (7, 3), (7, 3), (7, 3), (2, 0), (2, 1), (2, 1), (2, 9), (2, 9), (2, 9), (2, 9)]


def columns(labels=LABELS):
    return pd.MultiIndex.from_tuples(labels, names=["id", "section"])


def values():
    """Value of row r, column c: 100 r + c + 1/4, the soma's three columns of neuron 7 alike."""
    table = 100.0 * np.arange(3)[:, None] + np.arange(len(LABELS)) + 0.25
    table[:, 1] = table[:, 2] = table[:, 0]
    return table


def frames():
    whole = pd.DataFrame(values(), columns=columns())
    # one block a neuron, as where neurons are put side by side
    parts = [whole.iloc[:, :6], whole.iloc[:, 6:]]
    yield "plain", whole
    yield "blocks", pd.concat(parts, axis=1)
    yield "fortran", pd.DataFrame(np.asfortranarray(values()), columns=columns())
    yield "float32", whole.astype("float32")
    yield "big-endian", pd.DataFrame(values().astype(">f8"), columns=columns())
    yield "named-rows", pd.DataFrame(values(), columns=columns(), index=["x", "y", "z"])
    wide = [np.array([label[k] for label in LABELS], dtype) for k, dtype in enumerate(["uint64", "int32"])]
    yield "unsigned", pd.DataFrame(values(), columns=pd.MultiIndex.from_arrays(wide, names=["id", "section"]))


class Held:
    """A class, and the state that its instance is given."""

    def __init__(self, cls, state):
        self.cls, self.state = cls, state


class OldPickler(pickle._Pickler):
    """Writes held classes as pandas before 1.3 wrote itself: no arguments, then a state."""

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Held):
            self.save_reduce(copyreg.__newobj__, (obj.cls,), obj.state)
        else:
            super().save(obj, save_persistent_id)


def old(frame):
    from pandas.core.internals.managers import BlockManager

    axes = [frame.columns, frame.index]
    block = {"values": frame.to_numpy().T.copy(), "mgr_locs": slice(0, frame.shape[1], 1)}
    manager = Held(BlockManager, (axes, [], [], {"0.14.1": {"axes": axes, "blocks": [block]}}))
    return Held(pd.DataFrame, {"_mgr": manager, "_typ": "dataframe", "_metadata": [], "attrs": {}})


def main():
    name = sys.argv[1]
    for kind, frame in frames():
        for protocol in (2, 4, 5):
            # one frame by every protocol; the other kinds by the newest alone
            if kind == "plain" or protocol == 5:
                frame.to_pickle(f"{name}-{kind}-{protocol}.pkl", protocol=protocol)
    if sys.argv[2:] == ["old"]:
        path = f"{name}-old-state-4.pkl"
        with open(path, "wb") as file:
            OldPickler(file, 4).dump(old(pd.DataFrame(values(), columns=columns())))
        pd.testing.assert_frame_equal(pd.read_pickle(path), pd.DataFrame(values(), columns=columns()))


if __name__ == "__main__":
    main()
