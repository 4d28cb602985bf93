"""Trainings as users write them, each with one line that times it, and that logs it where a peer is measured."""

MEASURED = "seconds per sample, of the wall and of the processor:"
"""Begins the line that a training prints in the end."""
