"""Runs every benchmark and prints one table of medians and ratios."""

from __future__ import annotations

import os
import platform
import sys
import time

from rich.console import Console
from rich.table import Table

from benchmarks import graph, keys, overhead, parameters, queries, reset, scripts, start
from benchmarks.timing import Row

BENCHMARKS = (overhead, scripts, reset, start, keys, parameters, queries, graph)


def main(chosen: list[str]) -> None:
    """Print the table of the chosen benchmarks, by their module's name, or of all."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    table = Table("what", "median", "min … max", "ratio", "target", box=None, pad_edge=False)
    for name in ("median", "min … max", "ratio", "target"):
        next(column for column in table.columns if column.header == name).justify = "right"
    missed = []
    for benchmark in BENCHMARKS:
        if chosen and benchmark.__name__.rpartition(".")[2] not in chosen:
            continue
        for row in benchmark.rows():
            print(f"{row.name}: {_number(row.value)} {row.unit}", file=sys.stderr)
            table.add_row(*_cells(row))
            missed += [row.name] if row.is_missed else []
    console = Console(width=110, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, load {load:.1f} before, Python {platform.python_version()}", style="dim"
    )
    console.print(table)
    console.print(f"missed: {'; '.join(missed) or 'none'}   ({time.perf_counter() - began:.0f} s)")


def _cells(row: Row) -> tuple[str, ...]:
    spread = " … ".join(map(_number, row.spread)) if row.spread else ""
    ratio = f"{row.ratio:.2f}×" if row.ratio is not None else ""
    target = "" if row.target is None else f"≤ {row.target:g}{'×' if row.ratio is not None else ' ' + row.unit}"
    return (
        row.name,
        f"{_number(row.value)} {row.unit}",
        spread,
        ratio,
        f"{target} {'MISSED' * row.is_missed}".strip(),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    main(sys.argv[1:])
