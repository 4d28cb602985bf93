"""What every test stands on."""

import os

# A runner's readline exports the size of its own terminal, which would be that of every terminal of the tests.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
