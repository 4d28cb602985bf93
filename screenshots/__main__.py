"""`python -m screenshots`: run the app on real trainings, take its pictures, and write README's key table.

SVG comes from Textual, PNG from a headless Chromium (Debian: chromium, fonts-firacode, fonts-dejavu); without one
the SVGs are made all the same.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from bptui.app.app import BptuiApp
from bptui.app.link import Link
from bptui.app.outcome import Outcome
from bptui.app.screens.help import markdown
from bptui.app.themes import THEMES
from bptui.commands.run import session_options, start_session

HERE = Path(__file__).parent.resolve()
README = HERE.parent / "README.md"
TABLE = re.compile(r"(?<=<!-- keys -->\n).*?(?=<!-- /keys -->)", re.DOTALL)

_SCRIPT = "transformer.py"

_HALVED = ("colon", *"set", "space", *"lr", "space", "0", "full_stop", *"005", "enter", "escape")
"""Keys that give it half of its learning rate."""

_ON_THE_OTHER = ("H", "up", "enter", "1", "5", "s")
"""Keys with which it goes on from the branch above."""

SHOTS = {
    "backward": ((120, 36), "dark", ("s", "s", "5", "o"), ()),
    "first-epoch": ((120, 36), "dark", ("s", "s", "e"), ()),
    "third-sample": ((120, 36), "dark", ("s", "s", "s"), ()),
    "no-zero-grad": ((120, 36), "dark", ("2", "7", "s"), ("--no-zero-grad",)),
    "small-terminal": ((80, 24), "dark", ("s", "s", "s", "shift+tab"), ()),
    "light": ((120, 36), "light", ("e", "e", "S", "S"), ()),
    "sixteen-colours": ((120, 36), "ansi", ("e",), ()),
    "inspect": ((120, 36), "dark", ("s", "s", "7", "end", "x"), (_SCRIPT,)),
    "first-nan": ((120, 36), "dark", ("B", "X", "c", "y"), ("overflow.py",)),
    "back": ((120, 36), "dark", ("1", "2", "s", "8", "S", "o", "o", "o", "o", "o", "O"), ()),
    "branches": ((120, 36), "dark", ("3", "s", *_HALVED, "1", "5", "s", *_ON_THE_OTHER, "down"), ()),
    "help": ((120, 36), "dark", ("e", "question_mark"), ()),
    "transformer": ((120, 36), "dark", ("s", "s", "s"), (_SCRIPT,)),
    "transformer-graph": ((120, 36), "dark", ("s", "s", "1", "z"), (_SCRIPT,)),
    "gradient-flow": ((120, 36), "dark", ("s", "s", "8", "z"), (_SCRIPT,)),
}
"""Name → size, theme, keys, and what is run: options of the lesson, or a script."""


@asynccontextmanager
async def running(size: tuple[int, int], theme: str, arguments: tuple[str, ...]) -> AsyncIterator[Pilot[Outcome]]:
    """The app on a session of its own that is paused before the first sample."""
    with tempfile.TemporaryDirectory() as directory:
        target, own = (
            (arguments[0], arguments[1:]) if arguments and arguments[0].endswith(".py") else ("linear", arguments)
        )
        options = session_options(target, own, Path(directory) / f"{Path(target).stem}.bptui", None, reverse=True)
        session, socket = start_session(options)
        app = BptuiApp(Link(socket))
        app.theme = THEMES[theme]
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            yield pilot
            await pilot.press("escape", "q", "q")
        session.communicate()


async def settled(pilot: Pilot[Outcome]) -> None:
    """Wait until the training is paused and everything is drawn."""
    app = pilot.app
    assert isinstance(app, BptuiApp)
    await asyncio.sleep(0.2)
    while app.view.status.state in ("starting", "running"):
        await asyncio.sleep(0.05)
    await pilot.pause()


async def shoot(name: str) -> Path:
    """Take one picture."""
    size, theme, keys, arguments = SHOTS[name]
    async with running(size, theme, arguments) as pilot:
        for key in keys:
            await pilot.press(key)
            if not key.isdigit():
                await settled(pilot)
        path = HERE / f"{name}.svg"
        # The web font is not needed where Fira Code is installed, and a picture should not ask the network.
        svg = re.sub(r",\s*url\([^)]*\) format\([^)]*\)", "", pilot.app.export_screenshot(title="bptui"))
        path.write_text(svg)
    return path


def to_png(svg: Path) -> None:
    """Render a picture with Chromium, which alone draws these SVGs right."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium: PNGs are left as they are")
        return
    (sides,) = re.findall(r'viewBox="0 0 (\S+) (\S+)"', svg.read_text())[:1]
    width, height = (round(float(side)) for side in sides)
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--no-first-run",
                "--default-background-color=00000000", f"--user-data-dir={profile}",
                f"--window-size={width},{height}", f"--screenshot={svg.with_suffix('.png')}", svg.as_uri(),
            ],
            check=True, capture_output=True,
        )  # fmt: skip


def main() -> None:
    """Make everything."""
    os.chdir(HERE)
    README.write_text(TABLE.sub(lambda _: markdown(), README.read_text()))
    for name in SHOTS:
        path = asyncio.run(shoot(name))
        to_png(path)
        print(path)


if __name__ == "__main__":
    main()
