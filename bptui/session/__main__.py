"""`python -m bptui.session OPTIONS`: a session with a socket for apps."""

from __future__ import annotations

import asyncio
import signal
import sys

from bptui.protocol import from_json
from bptui.session.options import SessionOptions
from bptui.session.server import Server


async def _main() -> None:
    await Server(from_json(SessionOptions, sys.argv[1])).serve()


signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the app's terminal
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the session outlives it
asyncio.run(_main())
