"""From SONATA circuits to electrode weights, through a spatially ordered table of segments.

>>> import leadfield as lf
>>> circuit = lf.Circuit("circuit_config.json")                     # doctest: +SKIP
>>> segments = circuit.segments(out="segments")                     # doctest: +SKIP
>>> electrodes = lf.Electrodes.from_csv("electrodes.csv")           # doctest: +SKIP
>>> w = lf.weights(segments, electrodes)                            # doctest: +SKIP
>>> s = lf.signals("currents.h5", segments=segments, electrodes=electrodes)  # doctest: +SKIP

Units: micrometres, nanoamperes, volts, siemens per metre. Weights are V/nA, of shape (segments, contacts); row i is row i
of the electrodes file. ``docs/python.md`` is the guide.
"""

from __future__ import annotations

from ._circuit import Circuit, synthesize_circuit
from ._electrodes import Electrodes, grid, linear, neuropixels
from ._electrodes_file import ElectrodesFile, PopulationWeights
from ._errors import (
    DamagedError,
    FileError,
    InputError,
    LeadfieldError,
    LeadfieldWarning,
    OutputExistsError,
)
from ._leadfield import VERSION as __version__
from ._plot import Html, Svg, plot_comparison, plot_probe, plot_weights, report
from ._segments import Query, Rows, Segments
from ._signals import Imbalance, Signals, SignalsSummary, plot_signals, signals, write_signals
from ._validate import (
    Comparison,
    Finding,
    Validation,
    compare_weights,
    validate_electrodes_file,
)
from ._weights import METHODS, WeightsSummary, weights, weights_of, write_weights

__all__ = [
    "METHODS",
    "Circuit",
    "Comparison",
    "DamagedError",
    "Electrodes",
    "ElectrodesFile",
    "FileError",
    "Finding",
    "Html",
    "Imbalance",
    "InputError",
    "LeadfieldError",
    "LeadfieldWarning",
    "OutputExistsError",
    "PopulationWeights",
    "Query",
    "Rows",
    "Segments",
    "Signals",
    "SignalsSummary",
    "Svg",
    "Validation",
    "WeightsSummary",
    "__version__",
    "compare_weights",
    "grid",
    "linear",
    "neuropixels",
    "plot_comparison",
    "plot_probe",
    "plot_signals",
    "plot_weights",
    "report",
    "signals",
    "synthesize_circuit",
    "validate_electrodes_file",
    "weights",
    "weights_of",
    "write_signals",
    "write_weights",
]
