"""Statistics of parameters that wait to be sent."""

from __future__ import annotations

import base64
import itertools
from array import array
from collections.abc import Iterator

from bptui.protocol import Found, Message, ParameterSamples, ParametersSeen
from bptui.records import Parameter

MOST_SETS = 64
"""A training whose parameters are others again and again is not followed beyond so many sets of them."""


class ParameterBatches:
    """Numbers the sets of parameters, and puts the statistics of one set together."""

    def __init__(self) -> None:
        self._ids: dict[tuple[Parameter, ...], int] = {}
        self._last: tuple[tuple[Parameter, ...] | None, int] = None, -1
        self._announced = 0
        self._waiting: list[tuple[int, int, array[float]]] = []
        self._is_last_due = True
        self._is_given_up = self._is_told = False

    def add(self, step: int, parameters: tuple[Parameter, ...], numbers: array[float], is_due: bool) -> None:
        """The statistics of a sample: per parameter the norms of weight, gradient and update.

        Those that are not due are only sent if that is before the next are added: where the training stops.
        """
        if self._waiting and not self._is_last_due:
            self._waiting.pop()
        self._is_last_due = is_due
        if self._last[0] is not parameters:
            self._last = parameters, self._id(parameters)
        if self._last[1] == MOST_SETS:
            self._is_last_due, self._is_given_up = True, True
        else:
            self._waiting.append((self._last[1], step, numbers))

    def messages(self) -> Iterator[Message]:
        """What is to be sent now, and waits no longer."""
        if self._is_given_up and not self._is_told:
            self._is_told = True
            yield Found(
                {"measured": f"the parameters were others more than {MOST_SETS} times: not all of them are"}
            )
        if not self._waiting:
            return
        for parameters, number in itertools.islice(self._ids.items(), self._announced, None):
            yield ParametersSeen(number, parameters)
        self._announced = len(self._ids)
        for number, group in itertools.groupby(self._waiting, key=lambda each: each[0]):
            samples = list(group)
            numbers = base64.b64encode(b"".join(each.tobytes() for _, _, each in samples)).decode()
            yield ParameterSamples(number, tuple(step for _, step, _ in samples), numbers)
        self._waiting = []

    def announce_anew(self) -> None:
        """Say again, where they are needed, which parameters a set has."""
        self._announced = 0

    def _id(self, parameters: tuple[Parameter, ...]) -> int:
        if len(self._ids) < MOST_SETS:
            return self._ids.setdefault(parameters, len(self._ids))
        return self._ids.get(parameters, MOST_SETS)
