"""Writes tests/close_contacts.csv: line sources seen by contacts that almost touch them, to 25 digits.

    pip install mpmath && python tests/close_contacts.py

A row is near field, sigma along x, y and z (S/m), radius (µm), x0, y0, z0, x1, y1, z1 (the segment's ends, µm), x, y, z
(the contact, µm) and the weight (V/nA). Contacts lie within a few 1e-16 of the segment's length of the segment, as
near as doubles can say, and radii reach down to that size. Inputs are doubles, and radii floats, printed so that they
read back exactly. In an anisotropic medium coordinates are scaled by sqrt(s / sigma), s the geometric mean of the three
conductivities, with 80 digits; the integral is that of tests/analytic.py.
"""

import random
import struct
from pathlib import Path

from mpmath import asinh, cbrt, log, mp, mpf, nstr, pi, sqrt

mp.dps = 80
random.seed(16)


def dot(a, b):
    return sum(p * q for p, q in zip(a, b))


def mean_of_inverse_distance(start, end, contact, radius):
    along = [q - p for p, q in zip(start, end)]
    to = [q - p for p, q in zip(start, contact)]
    length = sqrt(dot(along, along))
    h = dot(along, to) / length
    rho_2 = max(dot(to, to) - h * h, mpf(0))
    beyond = max(-h, h - length, mpf(0))
    rho_2 += max(mpf(0), radius**2 - rho_2 - beyond**2)
    rho = sqrt(rho_2)
    if rho < mpf(10) ** -30:
        return None if beyond < mpf(10) ** -30 else abs(log(abs((length - h) / h))) / length
    return (asinh((length - h) / rho) + asinh(h / rho)) / length


def direction():
    v = [random.gauss(0, 1) for _ in range(3)]
    n = dot(v, v) ** 0.5
    return [c / n for c in v]


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


rows = []
while len(rows) < 600:
    length = 10 ** random.uniform(-3, 3.5)
    place = random.choice([0.0, 1.0, 1000.0, 20000.0])
    start = [random.uniform(-place, place) for _ in range(3)]
    u = random.choice([direction(), [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    end = [p + length * c for p, c in zip(start, u)]
    if start == end:
        continue
    share = random.choice([0.0, 1.0, 0.5, random.random(), random.random(), 1 + 1e-16, 1e-9])
    aside, v = random.choice([0.0, 1e-16, 1e-16, 3e-16, 1e-15, 1e-12]) * length, direction()
    contact = [p + share * (q - p) + aside * c for p, q, c in zip(start, end, v)]
    near = random.random() < 0.8
    radius = float32(random.choice([0.5, length * 10 ** random.uniform(-17, -1)])) if near else 0.5
    sigma = random.choice([[0.3, 0.3, 0.3], [random.uniform(0.05, 2) for _ in range(3)], [0.3, 0.3, 0.6]])
    mean = cbrt(mpf(sigma[0]) * mpf(sigma[1]) * mpf(sigma[2]))
    factors = [sqrt(mean / mpf(s)) for s in sigma]
    seen = [[f * mpf(c) for f, c in zip(factors, point)] for point in (start, end, contact)]
    value = mean_of_inverse_distance(*seen, mpf(radius) if near else mpf(0))
    if value is None:
        continue
    value = value / 1000 / (4 * pi * mean)
    numbers = [*sigma, radius, *start, *end, *contact]
    rows.append(",".join(["radius" if near else "exact", *map(repr, numbers), nstr(value, 25)]))

header = "near_field,sigma_x,sigma_y,sigma_z,radius,x0,y0,z0,x1,y1,z1,x,y,z,coefficient"
Path(__file__).with_suffix(".csv").write_text("\n".join([header, *rows]) + "\n")
print(len(rows), "rows")
