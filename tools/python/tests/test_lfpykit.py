"""``leadfield.lfpykit`` against LFPykit, LFPy and MEAutility, run from PyPI."""

from __future__ import annotations

import LFPy
import lfpykit as theirs
import MEAutility
import numpy as np
import pytest

from leadfield import lfpykit as ours

RANDOM = np.random.default_rng(7)


@pytest.fixture(scope="module")
def cells():
    """A tree of 60 thin segments, for both."""
    starts = RANDOM.uniform(-200, 200, (60, 3))
    ends = starts + RANDOM.uniform(-40, 40, (60, 3))
    axes = [np.column_stack([starts[:, i], ends[:, i]]) for i in range(3)]
    diameters = RANDOM.uniform(0.5, 2.0, 60)
    return [module.CellGeometry(x=axes[0], y=axes[1], z=axes[2], d=diameters) for module in (theirs, ours)]


@pytest.fixture(scope="module")
def contacts(cells):
    """Contacts away from all segments, and from their infinite lines, where LFPykit clamps."""
    points = RANDOM.uniform(-400, 400, (200, 3))
    cell = cells[1]
    starts = np.column_stack([cell.x[:, 0], cell.y[:, 0], cell.z[:, 0]])
    spans = np.column_stack([np.diff(axis)[:, 0] for axis in (cell.x, cell.y, cell.z)])
    units = spans / np.linalg.norm(spans, axis=1, keepdims=True)
    offsets = points[:, None] - starts
    across = np.linalg.norm(offsets - np.sum(offsets * units, axis=2, keepdims=True) * units, axis=2)
    return points[across.min(axis=1) > 5.0]


def test_geometry_has_the_same_lengths_and_areas(cells):
    a, b = cells
    assert a.totnsegs == b.totnsegs
    np.testing.assert_allclose(b.length, a.length, rtol=1e-14)
    np.testing.assert_allclose(b.area, a.area, rtol=1e-14)


def test_frusta_have_the_same_areas(cells):
    axes = {axis: getattr(cells[0], axis) for axis in "xyz"}
    diameters = RANDOM.uniform(0.5, 2.0, (60, 2))
    a, b = (module.CellGeometry(**axes, d=diameters) for module in (theirs, ours))
    np.testing.assert_allclose(b.area, a.area, rtol=1e-12)


@pytest.mark.parametrize("model", ["PointSourcePotential", "LineSourcePotential"])
@pytest.mark.parametrize("sigma", [0.3, 0.277, 1.5])
def test_sources_agree(cells, contacts, model, sigma):
    a, b = (
        getattr(module, model)(cell, x=contacts[:, 0], y=contacts[:, 1], z=contacts[:, 2], sigma=sigma)
        for module, cell in zip((theirs, ours), cells)
    )
    expected, found = a.get_transformation_matrix(), b.get_transformation_matrix()
    assert found.shape == expected.shape == (len(contacts), 60)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["linesource", "pointsource", "root_as_point"])
@pytest.mark.parametrize("sigma", [0.3, [0.3, 0.3, 0.45]])
def test_probes_agree(cells, contacts, method, sigma):
    arguments = dict(x=contacts[:, 0], y=contacts[:, 1], z=contacts[:, 2], sigma=sigma, method=method)
    a, b = (module.RecExtElectrode(cell, **arguments) for module, cell in zip((theirs, ours), cells))
    rtol = 1e-12 if np.ndim(sigma) == 0 else 1e-9
    np.testing.assert_allclose(b.get_transformation_matrix(), a.get_transformation_matrix(), rtol=rtol)


def test_anisotropic_points_agree_with_the_probes(cells, contacts):
    sigma = [0.2, 0.3, 0.45]
    place = dict(x=contacts[:, 0], y=contacts[:, 1], z=contacts[:, 2], sigma=sigma)
    expected = theirs.RecExtElectrode(cells[0], method="pointsource", **place).get_transformation_matrix()
    found = ours.AnisotropicPointSource(cells[1], **place).get_transformation_matrix()
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_discs_agree_with_the_mean_of_many_random_points(cells):
    place = dict(x=[300.0, 250.0], y=[10.0, -20.0], z=[0.0, 50.0], N=np.array([[1.0, 0, 0], [0, 0, 1.0]]), r=15.0, sigma=0.3)
    place = {key: np.asarray(value) if key in "xyz" else value for key, value in place.items()}
    a = theirs.RecExtElectrode(cells[0], n=2000, seedvalue=1, **place)
    b = ours.RecExtElectrode(cells[1], n=50, **place)
    np.testing.assert_allclose(b.get_transformation_matrix(), a.get_transformation_matrix(), rtol=5e-3)


def _near(module):
    """A short segment 8 µm from the origin along x, where the size of a contact matters by several percent."""
    return module.CellGeometry(x=np.array([[8.0, 8.0]]), y=np.array([[0.0, 0.01]]), z=np.zeros((1, 2)), d=np.array([0.5]))


@pytest.mark.parametrize("shape", ["circle", "square"])
@pytest.mark.parametrize("r", [2.5, 3.5])
def test_sizes_of_near_contacts_agree(shape, r):
    """For squares ``r`` is half of the side."""
    zeros = np.zeros(3)
    place = dict(x=zeros, y=zeros, z=zeros, N=np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]), r=r, contact_shape=shape)
    a = theirs.RecExtElectrode(_near(theirs), n=3000, seedvalue=1, **place).get_transformation_matrix()
    b = ours.RecExtElectrode(_near(ours), n=3000, **place).get_transformation_matrix()
    point = ours.RecExtElectrode(_near(ours), x=zeros, y=zeros, z=zeros).get_transformation_matrix()
    # random points have an error of 0.3 %, and a square differs from the disc by up to 1 %; the size changes 1 to 7 %
    np.testing.assert_allclose(b, a, rtol=0.015)
    assert np.all(np.abs(b / point - 1) > 0.01)


def test_the_normal_of_a_single_contact_counts():
    """LFPykit takes it as the x axis."""
    one = dict(x=np.zeros(1), y=np.zeros(1), z=np.zeros(1), r=3.0, n=2000)
    three = dict(x=np.zeros(3), y=np.zeros(3), z=np.zeros(3), r=3.0, n=2000)
    normals = np.eye(3)[::-1]
    found = ours.RecExtElectrode(_near(ours), N=normals[:1], **one).get_transformation_matrix()
    several, theirs_ = (m.RecExtElectrode(_near(m), N=normals, **three).get_transformation_matrix() for m in (ours, theirs))
    np.testing.assert_array_equal(found, several[:1])
    np.testing.assert_allclose(found, theirs_[:1], rtol=0.01)
    alone = theirs.RecExtElectrode(_near(theirs), N=normals[:1], seedvalue=1, **one).get_transformation_matrix()
    np.testing.assert_allclose(alone, several[2:], rtol=0.01)
    assert found[0, 0] > 1.03 * alone[0, 0]


@pytest.mark.parametrize("missing", ["N", "r", "n"])
def test_contacts_without_a_size_a_normal_or_points_are_points(missing):
    zeros = np.zeros(2)
    place = dict(x=zeros, y=zeros, z=zeros)
    size = dict(N=np.array([[1.0, 0, 0], [0, 0, 1.0]]), r=5.0, n=100)
    del size[missing]
    a, b = (module.RecExtElectrode(_near(module), **place, **size).get_transformation_matrix() for module in (theirs, ours))
    np.testing.assert_allclose(b, a, rtol=1e-12)
    np.testing.assert_array_equal(b, ours.RecExtElectrode(_near(ours), **place).get_transformation_matrix())


def test_a_contact_beyond_an_end_is_not_clamped():
    """LFPykit clamps the distance to the infinite line, ours that to the segment."""
    x, zeros = np.array([[0.0, 10.0]]), np.zeros((1, 2))
    geometry = dict(x=x, y=zeros, z=zeros, d=np.array([4.0]))
    ours_ = ours.LineSourcePotential(ours.CellGeometry(**geometry), x=[110.0], y=[0.0], z=[0.0], sigma=0.3)
    # on the axis the mean of 1 / r is log(110 / 100) / 10
    expected = 1.0 / (4 * np.pi * 0.3) * np.log(110 / 100) / 10
    np.testing.assert_allclose(ours_.get_transformation_matrix(), [[expected]], rtol=1e-12)


def test_probes_of_meautility_give_their_positions(cells):
    probe = MEAutility.return_mea("Neuronexus-32")
    probe.move([300.0, 0.0, 0.0])
    a, b = (module.RecExtElectrode(cell, probe=probe, sigma=0.3) for module, cell in zip((theirs, ours), cells))
    np.testing.assert_array_equal(b.positions, probe.positions)
    np.testing.assert_allclose(b.get_transformation_matrix(), a.get_transformation_matrix(), rtol=1e-12)


@pytest.mark.parametrize("name", ["Neuropixels-24", "tetrode"])
def test_a_probe_that_another_program_makes_can_be_replaced(monkeypatch, name):
    """A stand-in of MEArec, which looks the class up in LFPy."""

    def record(cell, mea, n):
        return LFPy.RecExtElectrode(cell, probe=mea, n=n).get_transformation_matrix() @ np.array([[1.0, -2.0]])

    mea = MEAutility.return_mea(name)
    assert isinstance(mea.shape, str) and mea.size > 0
    x, y, z = mea.positions[0] - [14.0, 0.0, 0.0]

    def cell(module):
        return module.CellGeometry(x=np.array([[x, x]]), y=np.array([[y, y + 2.0]]), z=np.array([[z, z + 1.0]]), d=np.array([0.5]))

    np.random.seed(1)
    expected, points = record(cell(theirs), mea, n=1000), record(cell(theirs), mea, n=None)
    monkeypatch.setattr(LFPy, "RecExtElectrode", ours.RecExtElectrode)
    found = record(cell(ours), mea, n=1000)
    assert found.shape == expected.shape == (len(mea.positions), 2)
    # random points have an error of 1 % where the radius is half of the distance
    np.testing.assert_allclose(found, expected, rtol=0.02)
    np.testing.assert_allclose(record(cell(ours), mea, n=None), points, rtol=1e-12)
    assert np.abs(found[0] / points[0] - 1).max() > 0.03


def test_a_cell_can_be_set_later(cells, contacts):
    place = dict(x=contacts[:3, 0], y=contacts[:3, 1], z=contacts[:3, 2])
    probe = ours.RecExtElectrode(None, **place)
    with pytest.raises(AttributeError, match="RecExtElectrode.cell is None, expected a cell"):
        probe.get_transformation_matrix()
    probe.cell = cells[0]
    now = probe.get_transformation_matrix()
    np.testing.assert_array_equal(now, ours.RecExtElectrode(cells[1], **place).get_transformation_matrix())


def test_the_linear_model_is_the_identity(cells):
    np.testing.assert_array_equal(ours.LinearModel(cells[1]).get_transformation_matrix(), np.eye(60))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "soma_as_point"}, "method: unknown"),
        ({"contact_shape": "hexagon"}, "contact_shape: unknown"),
        ({"x": None}, "expected `probe`, or `x`, `y` and `z`"),
    ],
)
def test_wrong_arguments_are_refused(cells, arguments, message):
    with pytest.raises(ValueError, match=message):
        ours.RecExtElectrode(cells[1], **{"x": [1.0], "y": [1.0], "z": [1.0], **arguments})


def test_wrong_geometry_is_refused():
    with pytest.raises(ValueError, match=r"x: wrong shape, expected \(2, 2\), found \(1, 2\)"):
        ours.CellGeometry(x=[[0, 1]], y=[[0, 1]], z=[[0, 1]], d=[1, 2])
    for d, shape in ((3.0, r"\(\)"), ([[1, 2, 3]], r"\(1, 3\)")):
        with pytest.raises(ValueError, match=rf"d: wrong shape, expected \(n,\) or \(n, 2\), found {shape}"):
            ours.CellGeometry(x=[[0, 1]], y=[[0, 1]], z=[[0, 1]], d=d)


def test_lfpy_takes_our_probe_and_gives_the_same_signal(tmp_path):
    """A neuron of NEURON, simulated by LFPy with both probes."""
    swc = tmp_path / "cell.swc"
    swc.write_text("1 1 0 0 0 10 -1\n2 3 0 10 0 1.5 1\n3 3 0 210 0 1 2\n4 3 120 310 0 0.8 3\n5 3 -120 310 30 0.8 3\n")
    from neuron import h

    def simulate(module):
        h("forall delete_section()")
        cell = LFPy.Cell(
            morphology=str(swc), passive=True, v_init=-65, dt=2**-4, tstart=0, tstop=20, pt3d=False, nsegs_method="lambda_f"
        )
        synapse = LFPy.Synapse(cell, idx=cell.get_closest_idx(x=0, y=200, z=0), e=0, syntype="ExpSyn", tau=2, weight=0.01)
        synapse.set_spike_times(np.array([5.0]))
        z = np.linspace(-100, 400, 8)
        probe = module.RecExtElectrode(cell, sigma=0.3, x=np.full(8, 40.0), y=z, z=np.full(8, 35.0), method="root_as_point")
        cell.simulate(probes=[probe], rec_imem=True)
        matrix = module.RecExtElectrode(
            cell, sigma=0.3, x=np.full(8, 40.0), y=z, z=np.full(8, 35.0), method="root_as_point"
        ).get_transformation_matrix()
        return probe.data.copy(), matrix @ cell.imem

    expected, _ = simulate(theirs)
    found, from_currents = simulate(ours)
    assert np.abs(expected).max() > 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found, from_currents, rtol=1e-9, atol=1e-15)
