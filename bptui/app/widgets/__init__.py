"""Widgets drawn line by line that know nothing of training."""
