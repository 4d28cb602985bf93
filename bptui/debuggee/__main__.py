"""`python -m bptui.debuggee FD`: the keeper of the session at the other end of FD."""

from __future__ import annotations

import sys

from bptui.debuggee.keeper import keep

keep(int(sys.argv[1]))
