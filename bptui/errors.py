"""The errors that end as one clear line at the border: command line, protocol, recording."""

from __future__ import annotations


class BptuiError(Exception):
    """Something the user can mend; its text says what is wrong, where, and what to do.

    Attributes:
        exit_code: What the command exits with.
    """

    exit_code = 2


class ProtocolError(BptuiError):
    """A message that this version does not understand."""


class RecordingError(BptuiError):
    """A recording that can not be read or written."""
