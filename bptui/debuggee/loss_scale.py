"""Is a loss the one that GradScaler has scaled up?"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.amp.grad_scaler import GradScaler


class LossScale:
    """Knows the loss that was scaled last."""

    def __init__(self) -> None:
        self._scaled: weakref.ref[Any] | None = None
        self._scaler: weakref.ref[Any] | None = None
        self._words = ""

    def install(self) -> None:
        """Listen from now on."""
        scale = GradScaler.scale

        def listening(scaler: GradScaler, outputs: Any) -> Any:
            scaled = scale(scaler, outputs)
            if isinstance(scaled, torch.Tensor) and scaler.is_enabled():
                self._scaled, self._scaler = weakref.ref(scaled), weakref.ref(scaler)
            return scaled

        GradScaler.scale = listening  # type: ignore[method-assign, assignment]

    def in_words(self, loss: object) -> str:
        """What was done to a loss, empty if nothing was."""
        if self._scaled is None or loss is None or self._scaled() is not loss:
            return ""
        scaler = self._scaler() if self._scaler else None
        if not self._words and scaler is not None:
            scale = f"{scaler.get_scale():g} at first"
            self._words = f"scaled by GradScaler, by {scale}; the gradients are scaled back"
        return self._words
