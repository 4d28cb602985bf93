"""The recording: one SQLite file that holds everything seen of a run."""
