"""Draws docs/eeg.png: the scalp potential of a column, from the files of docs/eeg.md.

    pip install h5py pyarrow numpy matplotlib
    python eeg.py places > dense.csv
    leadfield weights segments.parquet dense.csv -o dense.h5 --head-pose pose.json
    python eeg.py

Reads segments.parquet, dense.h5 (weights at many electrodes on the scalp), dense.csv, cap.csv and pose.json in the current
folder. The membrane currents are made up: each neuron takes up 0.1 nA in the upper fifth of the column, evenly over its
segments there, and gives it off at its soma.
"""

import csv
import json
import sys

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pyarrow.parquet as pq

pose = json.load(open("pose.json"))
center, up, front = (np.array(pose[key], float) for key in ("center", "up", "front"))
up /= np.linalg.norm(up)
front -= up * (front @ up)
front /= np.linalg.norm(front)
right = np.cross(front, up)

if sys.argv[1:] == ["places"]:
    # 2000 electrodes on a spiral that covers the sphere evenly, to 100 degrees from the vertex
    k = np.arange(2000) + 0.5
    height = 1 - k / 2000 * (1 - np.cos(np.radians(100)))
    turn, across = k * 2.399963, np.sqrt(1 - height**2)
    directions = np.outer(across * np.cos(turn), right) + np.outer(across * np.sin(turn), front) + np.outer(height, up)
    print("name,x,y,z,type")
    for i, (x, y, z) in enumerate(center + 90000 * directions):
        print(f"d{i},{x},{y},{z},FourSphere")
    sys.exit()

table = pq.read_table("segments.parquet").to_pydict()
row, node = np.array(table["row"]), np.array(table["node_id"])
y = (np.array(table["y0"]) + np.array(table["y1"])) / 2
soma = np.array(table["section_type"]) == 0
upper = y > np.quantile(y, 0.8)
current = np.zeros(len(row))  # nA, by row
for neuron in np.unique(node):
    own = node == neuron
    if not (own & upper).any():
        continue  # a neuron that does not reach the upper fifth is silent
    current[row[own & upper]] = -0.1 / (own & upper).sum()
    current[row[own & soma]] += 0.1 / (own & soma).sum()

with h5py.File("dense.h5") as file:
    population = next(name for name in file if name != "electrodes")
    weights = file["electrodes"][population]["scaling_factors"][()]
    columns = {name: file["electrodes"][name][population][()] for name in file["electrodes"] if name != population}


def flat(rows):
    """The scalp seen from above: the angle from the vertex becomes the distance."""
    d = np.array([[float(r[k]) for k in "xyz"] for r in rows]) - center
    d /= np.linalg.norm(d, axis=1)[:, None]
    angle = np.degrees(np.arccos(np.clip(d @ up, -1, 1)))
    across = np.stack([d @ right, d @ front], 1)
    length = np.linalg.norm(across, axis=1)
    return across / np.where(length > 0, length, 1)[:, None] * angle[:, None]


dense, cap = (list(csv.DictReader(open(name))) for name in ("dense.csv", "cap.csv"))
potential = np.array([current @ weights[:, columns[r["name"]]] for r in dense]) * 1e9  # nV
figure, axes = plt.subplots(figsize=(5.2, 4.6))
at, largest = flat(dense), np.abs(potential).max()
levels = np.linspace(-largest, largest, 25)
map_ = axes.tricontourf(at[:, 0], at[:, 1], potential, levels=levels, cmap="RdBu_r")
names = flat(cap)
axes.plot(names[:, 0], names[:, 1], "k.", markersize=3)
for (x, y_), r in zip(names, cap):
    axes.annotate(r["name"], (x, y_), xytext=(2, 2), textcoords="offset points", fontsize=7)
turn = np.linspace(0, 2 * np.pi, 200)
axes.plot(90 * np.cos(turn), 90 * np.sin(turn), "k", linewidth=0.8)
axes.plot([-8, 0, 8], [89.5, 98, 89.5], "k", linewidth=0.8)  # the nose
axes.set_aspect("equal")
axes.axis("off")
figure.colorbar(map_, label="potential against infinity (nV)", ticks=np.linspace(-largest, largest, 5), format="%.1f")
figure.tight_layout()
figure.savefig("eeg.png", dpi=110)
print(f"{largest:.3g} nV")
