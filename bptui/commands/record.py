"""`bptui record`: run a target to its end without an app."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bptui.protocol import Status, Step
from bptui.recording.reader import Reader
from bptui.session.console import Line
from bptui.session.options import SessionOptions
from bptui.session.session import Session

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells give it."""


def record(options: SessionOptions) -> int:
    """Run a target and record it; what it prints goes through.

    Returns:
        The training's exit code, 2 if the target was refused.
    """
    return asyncio.run(_Recording(options).run())


class _Recording:
    def __init__(self, options: SessionOptions) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
            redirect_stdout=sys.stdout.isatty(),
        )  # fmt: skip
        self._task = self._bar.add_task(options.target, total=None, rate="")
        self._over = asyncio.Event()
        self._begun = asyncio.Event()
        self._session = Session(options, self._on_status, self._on_output)
        self._reader = Reader(Path(options.recording))
        self._has_total = False

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._over.set)
        with self._bar:
            await self._session.start()
            await self._first(self._begun, self._over)
            await self._session.obey(Step("run"))
            await self._over.wait()
            await self._session.close()
        self._reader.close()
        return self._conclude(self._session.status)

    async def _first(self, *events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _on_status(self, status: Status) -> None:
        if status.state == "paused":
            self._begun.set()
        if status.steps and not self._has_total:
            self._find_total()
        self._bar.update(self._task, completed=status.steps, rate=f"{status.samples_per_second:,.0f} samples/s")
        if status.exit_code is not None:
            self._over.set()

    def _on_output(self, lines: list[Line]) -> None:
        for _, stream, text in lines:
            print(text, file=sys.stderr if stream == 2 else sys.stdout)

    def _find_total(self) -> None:
        self._has_total = True
        sample = self._reader.sample(0, 0)
        if sample and sample.layout.samples and sample.layout.epochs:
            self._bar.update(self._task, total=sample.layout.samples * sample.layout.epochs)

    def _conclude(self, status: Status) -> int:
        if status.trouble:
            print(f"bptui: {status.trouble}", file=sys.stderr)
        if status.refused and status.detail != status.refused:
            print(status.detail, file=sys.stderr)
        if status.refused:
            print(f"bptui: {status.refused}", file=sys.stderr)
        elif status.exit_code:
            print(status.detail, file=sys.stderr)
        return INTERRUPTED if status.exit_code is None else status.exit_code
