"""The process in which the user's training runs: standard library, torch and numpy only, no threads."""
