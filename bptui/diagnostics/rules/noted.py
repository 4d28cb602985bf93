"""What the debuggee notices by itself, since no recorded number says it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import groupby

from bptui.diagnostics.finding import Hit
from bptui.diagnostics.rule import Check, Hits, Rule
from bptui.diagnostics.seen import NoteSeen


def _noted(about: str, said: str) -> Check:
    """What is noted about something, of each module with parameters of its own."""

    def check(limits: Mapping[str, float]) -> Generator[Hits, NoteSeen, None]:
        hits: Hits = None
        while True:
            seen = yield hits
            hits = [*_by_module(seen.subjects, said)] if seen.about == about else None

    return check


def _by_module(names: tuple[str, ...], said: str) -> Generator[Hit, None, None]:
    for module, group in groupby(names, key=lambda name: name.rpartition(".")[0]):
        parts = [name.rpartition(".")[2] for name in group]
        subject = module if module and len(parts) > 1 else ".".join(filter(None, (module, parts[0])))
        which = f"{', '.join(parts)}: " if module and len(parts) > 1 else ""
        yield Hit(subject, len(parts), 0, which + said)


NOTES = (
    Rule(
        "gradient-not-zeroed", "notes",
        _noted("gradient-not-zeroed", "the gradient of an update before was still there when backward() began"),
        "backward() adds to .grad, so each update uses the sum of all gradients since it was last zeroed.",
        "Call optimizer.zero_grad() before each backward(), or zero .grad by hand after each update.",
    ),
    Rule(
        "parameter-without-gradient", "notes",
        _noted("parameter-without-gradient", "requires a gradient, and got none: .grad is None"),
        "The loss does not depend on it, so it stays what it was at the beginning.",
        "Look for a detach(), a .data, a no_grad() or an item() between it and the loss, or a layer that is not "
        "called.",
    ),
    Rule(
        "frozen-parameter", "notes",
        _noted("frozen-parameter", "requires_grad is False"),
        "It is never updated, and no gradient is computed for it.",
        "Set requires_grad_(True) if it is to be trained; if it is frozen on purpose, turn this rule off.",
    ),
    Rule(
        "update-without-backward", "notes",
        _noted("update-without-backward", "an update came without a backward pass since the update before"),
        "The update uses old gradients, or none: the loss has no part in it.",
        "Call loss.backward() before each optimizer.step().",
    ),
    Rule(
        "loss-detached", "notes",
        _noted("loss-detached", "backward() is called, and it has no grad_fn, though there are parameters"),
        "There is no way from the loss back to the parameters, so there is no gradient.",
        "Look for a detach(), item(), .data, numpy() or no_grad() between the model and the loss.",
    ),
    Rule(
        "requires-grad-missing", "notes",
        _noted("requires-grad-missing", "backward() is called, but nothing that led to it requires a gradient"),
        "Autograd records only what comes from a tensor that requires a gradient.",
        "Make the weights with requires_grad=True, or as nn.Parameter.",
    ),
)  # fmt: skip
