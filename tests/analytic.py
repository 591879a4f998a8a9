"""Writes tests/analytic.csv: potentials of line and point sources to 25 digits, for tests/analytic.rs.

    pip install mpmath && python tests/analytic.py

A row is a contact and a segment: method, near field, kind of case, sigma (S/m), radius (µm), x0, y0, z0, x1, y1, z1
(the segment's ends, µm), x, y, z (the contact, µm), and the weight (V/nA). Inputs are doubles, printed so that
they read back exactly; the weight is computed from these doubles with 80 digits, by a formula that shares nothing
with the program's, the integral along the axis

    (1 / L) * integral over 0 <= t <= L of dt / sqrt((t - h)^2 + rho^2) = (asinh((L - h) / rho) + asinh(h / rho)) / L

with h and rho the contact's axial and radial distance from the first end; near field: rho^2 grows by max(0, R^2 - d^2).
"""

import random
from pathlib import Path

from mpmath import asinh, log, mp, mpf, nstr, pi, sqrt

mp.dps = 80
random.seed(20)

LENGTHS = [1e-3, 1e-2, 0.1, 1.0, 3.7, 12.0, 40.0, 110.0, 250.0, 600.0, 1000.0]
DISTANCES = [1.0, 1.7, 5.0, 23.0, 100.0, 480.0, 2000.0, 9000.0, 30000.0]


def vector(a, b):
    return [mpf(q) - mpf(p) for p, q in zip(a, b)]


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def mean_of_inverse_distance(start, end, contact, radius, near):
    along, to = vector(start, end), vector(start, contact)
    length = sqrt(dot(along, along))
    if length == 0:
        r = sqrt(dot(to, to))
        return 1 / (max(r, mpf(radius)) if near == "radius" else r)
    h = dot(along, to) / length
    rho_2 = dot(to, to) - h * h
    if rho_2 < mpf(10) ** -60:  # on the axis: what the cancellation leaves
        rho_2 = mpf(0)
    beyond = max(-h, h - length, mpf(0))
    if near == "radius":
        rho_2 += max(mpf(0), mpf(radius) ** 2 - rho_2 - beyond**2)
    if rho_2 == 0:
        return abs(log(abs((length - h) / h))) / length
    rho = sqrt(rho_2)
    return (asinh((length - h) / rho) + asinh(h / rho)) / length


def direction():
    v = [random.gauss(0, 1) for _ in range(3)]
    n = sum(c * c for c in v) ** 0.5
    return [c / n for c in v]


def across(u):
    v = direction()
    s = sum(p * q for p, q in zip(u, v))
    w = [q - s * p for p, q in zip(u, v)]
    n = sum(c * c for c in w) ** 0.5
    return [c / n for c in w]


def along(p, u, t):
    return [a + t * b for a, b in zip(p, u)]


rows = []


def row(method, near, kind, sigma, radius, start, end, contact):
    if method == "PointSource":
        middle = [(a + b) * 0.5 for a, b in zip(start, end)]  # a double, as the method takes it
        mean = mean_of_inverse_distance(middle, middle, contact, radius, near)
    else:
        mean = mean_of_inverse_distance(start, end, contact, radius, near)
    value = mpf(1) / 1000 / (4 * pi * mpf(sigma)) * mean
    numbers = [sigma, radius, *start, *end, *contact]
    rows.append(",".join([method, near, kind, *map(repr, numbers), nstr(value, 25)]))


def any_place():
    return [round(random.uniform(-1000, 1000), 3) for _ in range(3)]


for length in LENGTHS:
    for distance in DISTANCES:
        start, u = any_place(), direction()
        end, v = along(start, u, length), across(u)
        cases = {
            "beside": along(along(start, u, random.uniform(0, length)), v, distance),
            "middle": along(along(start, u, length / 2), v, distance),
            "abreast": along(end, v, distance),
            "beyond": along(along(end, u, distance), v, distance * random.random()),
            "anywhere": along(along(start, u, length / 2), direction(), distance + length / 2),
        }
        for kind, contact in cases.items():
            row("LineSource", "exact", kind, 0.277, 0.5, start, end, contact)
        # along a coordinate axis the doubles lie exactly on the axis, or exactly abreast
        start = [float(round(c)) for c in start]
        end = [start[0] + length, start[1], start[2]]
        row("LineSource", "exact", "axis", 0.3, 0.5, start, end, [end[0] + distance, start[1], start[2]])
        row("LineSource", "exact", "axis", 0.3, 0.5, start, end, [start[0] - distance, start[1], start[2]])
        row("LineSource", "exact", "abreast", 0.3, 0.5, start, end, [start[0], start[1] + distance, start[2]])
        row("PointSource", "exact", "anywhere", 0.277, 0.5, start, end, cases["anywhere"])

for length in LENGTHS:
    for radius in [0.25, 0.5, 2.0, 7.5]:
        start, u = any_place(), direction()
        end, v = along(start, u, length), across(u)
        for share in [0.0, 0.125, 0.5, 0.9]:
            kinds = {
                "inside": along(along(start, u, length * random.random()), v, radius * share),
                "end": along(end, direction(), radius * share),
            }
            for kind, contact in kinds.items():
                row("LineSource", "radius", kind, 0.277, radius, start, end, contact)
        row("PointSource", "radius", "inside", 0.277, radius, start, start, along(start, v, radius / 2))
        row("LineSource", "radius", "soma", 0.277, radius, start, start, along(start, v, radius / 2))
        row("LineSource", "radius", "soma", 0.277, radius, start, start, along(start, v, radius * 2))

header = "method,near_field,kind,sigma,radius,x0,y0,z0,x1,y1,z1,x,y,z,coefficient"
Path(__file__).with_suffix(".csv").write_text("\n".join([header, *rows]) + "\n")
print(len(rows), "rows")
