"""`bptui record`: run a target to its end without an app."""

from __future__ import annotations

import asyncio
import codecs
import os
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

from bptui.commands.user_terminal import UserTerminal, standard_streams
from bptui.protocol import Status, Step
from bptui.recording.reader import Reader
from bptui.session.options import SessionOptions
from bptui.session.orphans import adopt_orphans
from bptui.session.session import Session
from bptui.where import where

HIT = 3
"""The exit code of a training that was ended by a breakpoint."""


def record(options: SessionOptions) -> int:
    """Run a target and record it; what it prints goes through.

    Returns:
        The training's exit code; 2 if the target was refused; `HIT` at a breakpoint; after a signal 128 + its
        number, as shells give it.

    Raises:
        BptuiError: It can not be recorded there.
    """
    adopt_orphans()
    return asyncio.run(_Recording(options).run())


class _Recording:
    def __init__(self, options: SessionOptions) -> None:
        self._signal = 0
        self._is_script = bool(options.script)
        passage = _Passage(has_bar=sys.stderr.isatty() and not self._is_script)
        self._session = Session(
            options, self._on_status, passage.write, standard_streams(), is_seen=lambda: passage.has_bar
        )
        self._recording = Path(options.recording)
        self._bar = _bar(passage.has_bar)
        self._task = self._bar.add_task(options.target, total=None, rate="")
        self._has_total = False

    async def run(self) -> int:
        signalled = self._pass_on if self._is_script else self._interrupt
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # else by nohup, and for the script, too
                asyncio.get_running_loop().add_signal_handler(number, signalled, number)
        with UserTerminal(self._session) if self._is_script else self._bar:
            await self._session.start()
            await self._session.obey(Step("run"))  # it waits for the first sample
            await self._session.over.wait()
            stop = self._session.status
            await self._session.close()
        _say_problems(stop)
        if stop.hit and stop.exit_code is None and not self._signal:
            return _conclude_hit(stop, self._recording)
        if self._is_script:
            return _conclude_script(self._session.status, self._signal, self._recording)
        return _conclude(self._session.status, self._signal)

    def _interrupt(self, number: int) -> None:
        self._signal = number
        self._session.over.set()

    def _pass_on(self, number: int) -> None:
        """A signal is for the script, which may have its own way to end; a second SIGTERM is for us."""
        if self._signal == number == signal.SIGTERM:
            self._session.over.set()
        self._signal = number
        self._session.terminal.signal(number, to_all=number == signal.SIGINT)

    def _on_status(self, status: Status) -> None:
        if status.steps and not self._has_total:
            self._find_total()
        self._bar.update(self._task, completed=status.steps, rate=f"{status.samples_per_second:,.0f} samples/s")
        if status.exit_code is not None or (status.state == "paused" and status.hit):
            self._session.over.set()

    def _find_total(self) -> None:
        self._has_total = True
        reader = Reader(self._recording)
        sample = reader.sample(0, 0)
        reader.close()
        if sample and sample.layout.samples and sample.layout.epochs:
            self._bar.update(self._task, total=sample.layout.samples * sample.layout.epochs)


class _Passage:
    """Passes on what the training prints: as it comes, or, beside a progress bar, through the bar's terminal."""

    def __init__(self, has_bar: bool) -> None:
        self.has_bar = has_bar
        self._decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in (1, 2)}
        self._closed: set[int] = set()

    def write(self, stream: int, text: bytes) -> None:
        if self.has_bar and os.isatty(stream):
            # While the bar is shown, rich has put itself in the place of sys.stdout and sys.stderr.
            (sys.stdout, sys.stderr)[stream - 1].write(self._decoders[stream].decode(text))
        elif stream not in self._closed:
            self._pass(stream, text)

    def _pass(self, stream: int, text: bytes) -> None:
        try:
            while text:
                text = text[os.write(stream, text) :]
        except OSError:  # nobody listens any more (| head): the recording goes on
            self._closed.add(stream)


def _bar(is_shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, disable=not is_shown,
        redirect_stdout=is_shown and sys.stdout.isatty(),
    )  # fmt: skip


def _say_problems(status: Status) -> None:
    """Say which breakpoints could not be looked at, and so have stopped nothing."""
    texts = {each.id: each.text for each in status.breakpoints}
    for hits in status.hits:
        if hits.problem and hits.id in texts:
            print(f"bptui: breakpoint {texts[hits.id]}: {hits.problem}", file=sys.stderr)


def _conclude_hit(status: Status, recording: Path) -> int:
    """Say at which breakpoint it stands, and where."""
    reader = Reader(recording)
    sample, inside = reader.sample(status.branch, status.steps - 1), reader.inside(status.branch)
    stack = reader.stack(status.branch, status.steps)
    reader.close()
    line = f" ({stack.frames[0].place.path}:{stack.frames[0].place.line})" if stack and stack.frames else ""
    print(f"bptui: {status.detail}: {where(sample, inside)}{line}", file=sys.stderr)
    return HIT


def _conclude(status: Status, interrupted: int) -> int:
    if status.trouble:
        print(f"bptui: {status.trouble}", file=sys.stderr)
    if status.refused and status.exit_code == 0:  # help was asked for
        print(status.refused)
    elif status.refused:
        if status.detail != status.refused:
            print(status.detail, file=sys.stderr)
        print(f"bptui: {status.refused}", file=sys.stderr)
    elif status.exit_code:
        line, _, traceback = status.detail.partition("\n")
        print(traceback or f"bptui: {line}", file=sys.stderr)
    return 128 + interrupted if status.exit_code is None else status.exit_code


def _conclude_script(status: Status, interrupted: int, recording: Path) -> int:
    """Say what the script has not said itself."""
    if status.trouble:
        print(f"bptui: {status.trouble}", file=sys.stderr)
    if status.exit_code is not None and status.exit_code > 128:
        print(f"bptui: {status.detail.partition(chr(10))[0]}", file=sys.stderr)
    if sys.stderr.isatty():
        print(f"bptui: {status.steps:,} samples recorded in {recording}", file=sys.stderr)
    return 128 + interrupted if status.exit_code is None else status.exit_code
