"""`python -m bptui.session OPTIONS`: a session with a socket for apps."""

from __future__ import annotations

import asyncio
import signal
import sys

from bptui.errors import BptuiError
from bptui.protocol import from_json
from bptui.session.options import SessionOptions
from bptui.session.orphans import adopt_orphans
from bptui.session.server import Server


async def _serve() -> None:
    server = Server(from_json(SessionOptions, sys.argv[1]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.end)
    await server.serve()


def _main() -> int:
    # Ctrl-C is for the app's terminal, and the session outlives that. Not SIG_IGN: the training would inherit it.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGHUP, lambda *_: None)
    adopt_orphans()
    try:
        asyncio.run(_serve())
    except BptuiError as error:
        print(f"bptui: {error}", file=sys.stderr)
        return error.exit_code
    return 0


sys.exit(_main())
