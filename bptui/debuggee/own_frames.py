"""Our frames in the traceback of an error of the user's that has passed through our hooks."""

from __future__ import annotations

from pathlib import Path

OURS = str(Path(__file__).parent)


def cut_our_frames(error: BaseException | None) -> None:
    """Take them out, but for the outermost, also of what has led to the error."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = error.__traceback__
        while frames is not None:
            after = frames.tb_next
            while after is not None and after.tb_frame.f_code.co_filename.startswith(OURS):
                after = after.tb_next
            frames.tb_next = after
            frames = after
        error = error.__cause__ or error.__context__
