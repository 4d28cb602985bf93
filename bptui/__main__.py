"""`python -m bptui`: the command line."""

from __future__ import annotations

import sys

from bptui.cli import main

sys.exit(main())
