"""Counts the segments whose midpoint is in a sphere, with DuckDB and with pyarrow: queries.py TABLE x,y,z,r."""

import sys

import duckdb
import numpy as np
import pyarrow.parquet as pq

table, sphere = sys.argv[1:]
x, y, z, r = map(float, sphere.split(","))

# doubles first: a mean of two float32 would be rounded
middle = [f"(({a}0::double + {a}1::double) * 0.5 - ({c!r}))" for a, c in zip("xyz", (x, y, z))]
distance_2 = " + ".join(f"{m} * {m}" for m in middle)
count = duckdb.sql(f"select count(*) from '{table}' where sqrt({distance_2}) <= {r!r}").fetchall()[0][0]
print("duckdb", count)

columns = pq.read_table(table, columns=[f"{a}{k}" for a in "xyz" for k in (0, 1)])
value = {name: columns[name].to_numpy().astype(np.float64) for name in columns.column_names}
d = [(value[f"{a}0"] + value[f"{a}1"]) * 0.5 - c for a, c in zip("xyz", (x, y, z))]
print("pyarrow", int((np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) <= r).sum()))
