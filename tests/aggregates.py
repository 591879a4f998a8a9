"""Aggregates a table with DuckDB and polars, and compares with what a query gave: aggregates.py TABLE GROUPS.csv."""

import csv
import math
import sys

import duckdb
import polars as pl

table, groups = sys.argv[1:]
with open(groups) as file:
    ours = list(csv.reader(file))[1:]

sql = f"""
    select section_id, count(*), sum(row), min(x0), max(x0), avg(radius::double), count(radius), median(y1),
        stddev_samp(z0), count(distinct node_id)
    from '{table}' group by section_id order by count(*) desc, section_id
"""
c = pl.col
by_polars = (
    pl.read_parquet(table)
    .group_by("section_id")
    .agg(
        pl.len(), c("row").sum(), c("x0").min().alias("min"), c("x0").max().alias("max"),
        c("radius").cast(pl.Float64).mean(), c("radius").count().alias("radii"), c("y1").median(), c("z0").std(),
        c("node_id").n_unique(),
    )
    .sort("len", "section_id", descending=[True, False])
)
for name, theirs in [("duckdb", duckdb.sql(sql).fetchall()), ("polars", by_polars.rows())]:
    assert len(theirs) == len(ours) > 10, (name, len(theirs), len(ours))
    for a, b in zip(ours, theirs):
        for x, y in zip(a, b, strict=True):
            same = x == "" if y is None else math.isclose(float(x), float(y), rel_tol=1e-9)
            assert same, (name, a, b)
