"""Writes tests/heads.csv: signals of current dipoles and point sources to 25 digits, for tests/heads.rs.

    pip install mpmath && python tests/heads.py

A row is a case: method, 4 radii (µm), 4 conductivities (S/m), contact x, y, z (µm, from the head's centre), normal x, y, z
(of a magnetometer's coil), source x, y, z (µm), and the result: 3 numbers for a dipole (V/(nA µm) or fT/(nA µm)), one and
two zeros for a point source (V/nA). Inputs are doubles, printed so that they read back exactly.

Nothing is shared with the program's formulas. For the four spheres the coefficients of each order are the solution of the
seven linear equations at the interfaces (potential and radial current are continuous at three, no current leaves the
scalp), in 60 digits; a dipole is the difference of two point sources 1e-20 µm apart in 120 digits. The field of MEG is
the gradient of Sarvas' scalar potential of the magnetic field, taken the same way.
"""

import random
from pathlib import Path

from mpmath import lu_solve, matrix, mp, mpf, nstr, pi, sqrt

mp.dps = 120
random.seed(7)

DEFAULT_RADII = [79000.0, 80000.0, 85000.0, 90000.0]
DEFAULT_SIGMAS = [0.33, 1.65, 0.0165, 0.33]
STEP = mpf(10) ** -20


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def norm(a):
    return sqrt(dot(a, a))


def electrode_coefficients(radii, sigmas, r, orders):
    """phi_n at distance r, over P_n, of a source of 1 A at distance b = R_1, without 1 / (4 pi s_1); lengths in µm.

    Unknowns: a_1; a_s, b_s of the shells 2, 3, 4. In shell s phi_n = a_s (r/R_s)^n + b_s (R_s/r)^(n+1), in the brain
    b_1 = 1 / R_1 is the source: its terms are b^n / r^(n+1).
    """
    radii, sigmas = [mpf(x) for x in radii], [mpf(x) for x in sigmas]
    found = []
    for n in range(1, orders + 1):
        system, right = matrix(7, 7), matrix(7, 1)
        row = 0
        index = {(0, "a"): 0, (1, "a"): 1, (1, "b"): 2, (2, "a"): 3, (2, "b"): 4, (3, "a"): 5, (3, "b"): 6}

        def terms(shell, at):
            """(unknown or None, potential, radial derivative) of both solutions of a shell at a radius."""
            q = at / radii[shell]
            yield index[shell, "a"], q**n, n * q**n / at
            b = index.get((shell, "b"))
            value = q ** -(n + 1)
            scale = 1 if b is not None else 1 / radii[0]
            yield b, scale * value, -(n + 1) * scale * value / at

        for s in range(3):
            at = radii[s]
            for which in (0, 1):
                for shell, sign in ((s, 1), (s + 1, -1)):
                    for unknown, value, slope in terms(shell, at):
                        entry = sign * (value if which == 0 else sigmas[shell] * slope * at)
                        if unknown is None:
                            right[row] -= entry
                        else:
                            system[row, unknown] += entry
                row += 1
        for unknown, _, slope in terms(3, radii[3]):
            system[row, unknown] += slope * radii[3]
        solution = lu_solve(system, right)
        shell = next(s for s in range(1, 4) if r <= radii[s])
        q = mpf(r) / radii[shell]
        found.append(solution[index[shell, "a"]] * q**n + solution[index[shell, "b"]] * q ** -(n + 1))
    return found


def legendre(x, orders):
    before, now = mpf(1), x
    for n in range(1, orders + 1):
        yield now
        before, now = now, ((2 * n + 1) * x * now - n * before) / (n + 1)


def potential(radii, sigmas, coefficients, electrode, source):
    """V of 1 nA: 1e-9 A / (1e-6 m S/m)."""
    b = norm(source)
    x = dot(electrode, source) / (norm(electrode) * b)
    y = b / mpf(radii[0])
    total, power = mpf(0), mpf(1)
    for c, p in zip(coefficients, legendre(x, len(coefficients))):
        power *= y
        total += c * power * p
    return total / (4 * pi * mpf(sigmas[0])) / 1000


def gradient(function, at):
    moved = lambda k, sign: [c + (sign * STEP if i == k else 0) for i, c in enumerate(at)]
    return [(function(moved(k, 1)) - function(moved(k, -1))) / (2 * STEP) for k in range(3)]


def direction():
    v = [random.gauss(0, 1) for _ in range(3)]
    n = sum(c * c for c in v) ** 0.5
    return [c / n for c in v]


def sphere_point(r):
    """A point whose distance from the centre is r to the last bit or two."""
    return [c * r for c in direction()]


rows = []


def add(method, radii, sigmas, contact, normal, source, result):
    numbers = [*radii, *sigmas, *contact, *normal, *source]
    rows.append(",".join([method, *map(repr, numbers), *(nstr(v, 25) for v in result)]))


def exactly(v):
    return [mpf(c) for c in v]


ORDERS = {}


def four_spheres(radii, sigmas, electrode, source):
    e, s = exactly(electrode), exactly(source)
    r = min(max(norm(e), mpf(radii[0])), mpf(radii[3]))  # as the program: rounding keeps an electrode on its sphere
    share = norm(s) / r
    orders = int(mp.ceil(-32 * mp.log(10) / mp.log(share))) + 60 if share else 3
    coefficients = electrode_coefficients(radii, sigmas, r, orders)
    value = lambda at: potential(radii, sigmas, coefficients, e, at)
    none = [0.0] * 3
    add("FourSphere", radii, sigmas, electrode, none, source, gradient(value, s))
    add("FourSphereReciprocity", radii, sigmas, electrode, none, source, [value(s), 0, 0])


# electrodes on the scalp, in the skull, in the CSF; sources from near the centre to just below the brain's surface
for r in (90000.0, 87500.0, 83000.0, 79900.0):
    for depth in (0.001, 0.3, 0.7, 0.9, 0.97, 0.99):
        for k in range(3 if r == 90000.0 else 1):
            four_spheres(DEFAULT_RADII, DEFAULT_SIGMAS, sphere_point(r), sphere_point(79000.0 * depth))
for sigmas in ([0.3, 0.3, 0.3, 0.3], [0.33, 1.65, 0.004, 0.43], [0.2, 1.7, 0.05, 0.1]):
    for radii in (DEFAULT_RADII, [60000.0, 63000.0, 69000.0, 75000.0]):
        electrode = sphere_point(radii[3])
        four_spheres(radii, sigmas, electrode, [c * (0.9 * radii[0] / radii[3]) for c in electrode])  # straight below, up to rounding
        four_spheres(radii, sigmas, electrode, sphere_point(radii[0] * 0.95))


def sarvas_potential(sensor, dipole, moment):
    """U with B = -mu0 grad U: -(Q x r0 . r) / (4 pi F)."""
    a = [p - q for p, q in zip(sensor, dipole)]
    na, nr = norm(a), norm(sensor)
    f = na * (nr * na + nr**2 - dot(dipole, sensor))
    x, y, z = dipole
    qx, qy, qz = moment
    cross = [qy * z - qz * y, qz * x - qx * z, qx * y - qy * x]
    return -dot(cross, sensor) / (4 * pi * f)


MU0 = 4 * pi * mpf(10) ** -7
for r in (90000.0, 105000.0, 130000.0):
    for depth in (0.01, 0.5, 0.9, 0.99):
        for k in range(4):
            sensor, dipole = sphere_point(r), sphere_point(79000.0 * depth)
            normal = direction()
            field = []
            for moment in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
                u = lambda at: sarvas_potential(at, exactly(dipole), [mpf(m) for m in moment])
                b = [-MU0 * g for g in gradient(u, exactly(sensor))]
                # U is in nA for 1 nA µm; its gradient in nA/µm = 1e-3 A/m; 1 T = 1e15 fT
                field.append(dot(b, exactly(normal)) * mpf(10) ** 12)
            add("MEG", DEFAULT_RADII, DEFAULT_SIGMAS, sensor, normal, dipole, field)

for k in range(12):
    contact, dipole, sigma = sphere_point(10.0 ** random.uniform(1, 5)), sphere_point(5.0), random.uniform(0.1, 1)
    value = lambda at: mpf(1) / 1000 / (4 * pi * mpf(sigma) * norm([p - q for p, q in zip(exactly(contact), at)]))
    add("InfiniteDipole", DEFAULT_RADII, [sigma] * 4, contact, [0.0] * 3, dipole, gradient(value, exactly(dipole)))

header = "method,r1,r2,r3,r4,s1,s2,s3,s4,x,y,z,nx,ny,nz,sx,sy,sz,px,py,pz"
Path(__file__).with_suffix(".csv").write_text("\n".join([header, *rows]) + "\n")
print(len(rows), "rows")
