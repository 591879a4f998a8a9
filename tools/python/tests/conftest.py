"""A small circuit, its table in one file and in parts, contacts and an electrodes file, made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import leadfield as lf

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "datasets" / "golden"


@dataclass(frozen=True)
class Made:
    """Data that the tests share; no test changes them."""

    folder: Path
    circuit: lf.Circuit
    segments: lf.Segments
    parts: lf.Segments
    electrodes: lf.Electrodes
    weights: Path

    @property
    def population(self) -> str:
        return self.circuit.populations[0]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    circuit = lf.synthesize_circuit(folder / "circuit", cells=24, with_report=True)
    segments = circuit.segments(out=folder / "segments.parquet")
    parts = circuit.segments(out=folder / "parts", segments_per_part=1500)
    electrodes = lf.linear(16, pitch=100.0, at=(10.0, -800.0, 5.0), prefix="e")
    lf.write_weights(segments, electrodes, folder / "weights.h5")
    return Made(folder, circuit, segments, parts, electrodes, folder / "weights.h5")


@pytest.fixture(scope="session")
def golden_segments(tmp_path_factory: pytest.TempPathFactory) -> lf.Segments:
    """The golden circuit with the stubs of BlueRecording 0.2.1, whose outputs are beside it."""
    config = GOLDEN / "input" / "circuit" / "simulation_config.json"
    out = tmp_path_factory.mktemp("golden") / "segments.parquet"
    return lf.Circuit(config).segments(out=out, axon_placement="bluerecording-0.2")
