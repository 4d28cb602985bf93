"""bptui: a terminal debugger for neural-network training whose steps are the steps of back-propagation."""

from __future__ import annotations

from bptui.records import Sample

__all__ = ["Sample"]
__version__ = "0.1.0"
