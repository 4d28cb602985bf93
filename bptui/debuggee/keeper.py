"""The keeper: a process that has torch imported and forks debuggees, so that a reset costs no import."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
import select
import signal
import socket
import sys
import traceback

from bptui.debuggee.process import die_with_parent, outlive_parent, take_standard_streams
from bptui.debuggee.stepper import LATE_IMPORT
from bptui.protocol import (
    PROTOCOL_VERSION,
    Channel,
    Exited,
    Fork,
    Forked,
    LineSplitter,
    Ready,
    Refused,
    Shutdown,
    WarmUp,
)
from bptui.protocol.codec import decode

FDS = 4
"""With every `Fork` come: the debuggee's channel, the memory of its ring, stdout, stderr."""


def keep(fd: int) -> None:
    """Serve the session at the other end of `fd` until it says `Shutdown` or is gone."""
    die_with_parent()
    channel = Channel(socket.socket(fileno=fd))
    try:
        import torch
    except Exception as error:
        channel.send(Refused(f"torch does not import in {platform.python_version()}: {error}"))
        return
    outlive_parent()  # from here on the end of the channel is noticed, and takes the debuggee's children along
    channel.send(Ready(PROTOCOL_VERSION, os.getpid(), platform.python_version(), str(torch.__version__)))
    _Keeper(channel).serve()


class _Keeper:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._splitter = LineSplitter()
        self._fds: list[int] = []
        self._children: set[int] = set()
        self._alarm, wakeup = socket.socketpair()
        wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        self._wakeup = wakeup

    def serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._channel.sock, self._alarm], [], [])
            if self._alarm in ready:
                self._alarm.recv(1024)
                self._reap()
            if self._channel.sock in ready and not self._obey():
                break
        for child in self._children:
            _kill_group(child)

    def _obey(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._channel.sock, 1 << 16, FDS)
        self._fds += fds
        for command in map(decode, self._splitter.feed(data)):
            if isinstance(command, Shutdown):
                return False
            if isinstance(command, Fork):
                self._fork(command)
            if isinstance(command, WarmUp):
                self._warm_up()
        return bool(data)

    def _fork(self, command: Fork) -> None:
        fds, self._fds = self._fds[:FDS], self._fds[FDS:]
        pid = os.fork()
        if pid == 0:
            self._become_debuggee(command, *fds)
        for fd in fds:
            os.close(fd)
        self._children.add(pid)
        self._channel.send(Forked(pid))

    def _become_debuggee(self, command: Fork, channel: int, memory: int, stdout: int, stderr: int) -> None:
        code = 1
        try:
            os.setsid()
            die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (self._channel.sock, self._alarm, self._wakeup):
                inherited.close()
            take_standard_streams(stdout, stderr)
            for fd in (channel, memory):  # what the training starts has no part in them
                os.set_inheritable(fd, False)
            from bptui.debuggee.run import run

            code = run(command, Channel(socket.socket(fileno=channel)), memory)
        except BaseException:  # ours: a training's own are said over the channel
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code & 0xFF)

    def _reap(self) -> None:
        for pid in tuple(self._children):
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # two ended at once: another call of this, in a signal handler, has it
                continue
            if done:
                self._children.discard(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # what it left behind would keep its channel open
                self._channel.send(Exited(pid, os.waitstatus_to_exitcode(status)))

    def _warm_up(self) -> None:
        """Import what the first optimizer of a process would import, 1 s each time; a reset need not wait."""
        signal.signal(signal.SIGCHLD, lambda *_: self._reap())  # the end of a debuggee is told of meanwhile
        self._reap()
        with contextlib.suppress(Exception):
            importlib.import_module(LATE_IMPORT)
        signal.signal(signal.SIGCHLD, _nothing)
        self._reap()


def _nothing(*_: object) -> None:
    """The signal is seen by its wakeup fd; without a handler there would be none."""


def _kill_group(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # so young that it has no group of its own yet
        os.kill(child, signal.SIGKILL)
