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

# mypy and editors take it as true; `typing` itself takes longer to import than this package
TYPE_CHECKING = False
if TYPE_CHECKING:
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

# the module of each name: it is imported when one of its names is used, so that importing the package takes no time
_MODULES = {
    "_circuit": ("Circuit", "synthesize_circuit"),
    "_electrodes": ("Electrodes", "grid", "linear", "neuropixels"),
    "_electrodes_file": ("ElectrodesFile", "PopulationWeights"),
    "_errors": ("DamagedError", "FileError", "InputError", "LeadfieldError", "LeadfieldWarning", "OutputExistsError"),
    "_plot": ("Html", "Svg", "plot_comparison", "plot_probe", "plot_weights", "report"),
    "_segments": ("Query", "Rows", "Segments"),
    "_signals": ("Imbalance", "Signals", "SignalsSummary", "plot_signals", "signals", "write_signals"),
    "_validate": ("Comparison", "Finding", "Validation", "compare_weights", "validate_electrodes_file"),
    "_weights": ("METHODS", "WeightsSummary", "weights", "weights_of", "write_weights"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        value = import_module("._leadfield", __name__).VERSION
    elif name in _MODULE_OF:
        value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
