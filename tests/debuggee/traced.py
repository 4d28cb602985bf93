"""A sample of a loop, traced as it is before a stop."""

from bptui.debuggee.graph import Tracer


def traced(loop, skipped=0):
    """The rows of a sample, and the tracer that has recorded it."""
    generator = loop()
    for _ in range(skipped):
        next(generator)
    with Tracer(explains=lambda: True) as tracer:
        sample = next(generator)
    return tracer.graph(sample, generator.gi_frame), tracer
