"""The functions of BlueRecording 0.7, with its names and arguments, without MPI and without a simulator.

``from leadfield.bluerecording import compute_weights`` instead of ``from bluerecording import compute_weights``.

Differences from BlueRecording:

- The dipole of ``DipoleReciprocity`` is that of each neuron, not the mean of all neurons of a rank.
- Weights are finite: a contact is never nearer to a segment than the segment's radius.
- Electrodes files hold no ``neurite_types``, which no client reads.
"""

from __future__ import annotations

from . import compare, electrodes, weights
from .compare import compare_weights
from .electrodes import Electrode, ElectrodeType, ObjectiveCSDParams
from .weights import ComputeWeightsTask, compute_and_save_weights, compute_weights, save_weights

__all__ = [
    "ComputeWeightsTask",
    "Electrode",
    "ElectrodeType",
    "ObjectiveCSDParams",
    "compare",
    "compare_weights",
    "compute_and_save_weights",
    "compute_weights",
    "electrodes",
    "save_weights",
    "weights",
]
