"""Trainings as users write them, each with one line that times it, and that logs it where a peer is measured."""
