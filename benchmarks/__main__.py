"""Runs the benchmarks and prints their medians and ratios: `python -m benchmarks [NAME …]`.

A name is that of a benchmark's module, or of a script of the benchmark `scripts`: then only that row of its table.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from benchmarks import (
    breakpoints,
    diagnosing,
    graph,
    inside,
    inspecting,
    keys,
    overhead,
    parameters,
    queries,
    reset,
    reversing,
    scripts,
    start,
)
from benchmarks.timing import Row

BENCHMARKS = {
    each.__name__.rpartition(".")[2]: each
    for each in (
        overhead,
        reset,
        start,
        keys,
        parameters,
        queries,
        graph,
        inside,
        breakpoints,
        diagnosing,
        reversing,
        inspecting,
    )
}


def main(chosen: list[str]) -> None:
    """Print what is chosen, or everything."""
    if unknown := set(chosen) - {"scripts", *scripts.SCRIPTS, *BENCHMARKS}:
        there_is = f"{', '.join(BENCHMARKS)}, scripts, {', '.join(scripts.SCRIPTS)}"
        sys.exit(f"no benchmark is called {' or '.join(sorted(unknown))}; there is {there_is}")
    began, load = time.perf_counter(), os.getloadavg()[0]
    rows = [row for name in BENCHMARKS if name in chosen or not chosen for row in _told(name)]
    named = [name for name in scripts.SCRIPTS if name in chosen]
    everyone = list(scripts.SCRIPTS) if "scripts" in chosen or not chosen else []
    lines = list(scripts.lines(named or everyone))
    console = Console(width=130, highlight=False)
    console.print(
        f"{os.cpu_count()} cores, load {load:.1f} before, Python {platform.python_version()}", style="dim"
    )
    if rows:
        console.print(_table(rows))
    if lines:
        console.print(scripts.table(lines))
    missed = [row.name for row in rows if row.is_missed] + [line.script.title for line in lines if line.missed]
    console.print(f"missed: {'; '.join(missed) or 'none'}   ({time.perf_counter() - began:.0f} s)")


def _told(name: str) -> Iterable[Row]:
    """The rows of a benchmark, said as they come."""
    for row in BENCHMARKS[name].rows():
        print(f"{row.name}: {_number(row.value)} {row.unit}", file=sys.stderr)
        yield row


def _table(rows: Iterable[Row]) -> Table:
    table = Table("what", box=None, pad_edge=False)
    for name in ("median", "min … max", "ratio", "half of them", "target"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    spread = " … ".join(map(_number, row.spread)) if row.spread else ""
    digits = 3 if row.quartiles else 2
    ratio = f"{row.ratio:.{digits}f}×" if row.ratio is not None else ""
    quartiles = " … ".join(f"{ratio:.3f}" for ratio in row.quartiles or ())
    target = "" if row.target is None else f"≤ {row.target:.4g}{'×' if row.ratio is not None else ' ' + row.unit}"
    return (
        row.name,
        f"{_number(row.value)} {row.unit}",
        spread,
        ratio,
        quartiles,
        f"{target} {'MISSED' * row.is_missed}".strip(),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    main(sys.argv[1:])
