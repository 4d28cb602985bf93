"""What a stop tells of the user's frames: true, in bounds, and without running anything of theirs."""

import gc
import linecache
import sys
import types
import weakref

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bptui.debuggee.frames import MOST_FRAMES, StackReader, running_calls, suspended_calls, users_call
from bptui.debuggee.variables import MOST_LOCALS, MOST_PARTS
from bptui.protocol import StackSeen, decode, encode


def of_calls(calls):
    return StackReader(lambda: calls).now()


def of_variables(**variables):
    """The frame of a function with these variables."""
    read = []
    names = ", ".join(variables)
    scope = {"read": lambda: read.append(of_calls([(sys._getframe(1), 1)]).frames[0])}
    code = compile(f"def function({names}):\n    read()\n", "/home/me/train.py", "exec")
    exec(code, scope)
    scope["function"](**variables)
    return read[0]


def shown(frame):
    return {local.name: local for local in frame.locals}


def called(function, path="/home/me/train.py", module="train"):
    """The same function as if it stood in another file."""
    code = function.__code__.replace(co_filename=path)
    return types.FunctionType(code, {**function.__globals__, "__name__": module}, closure=function.__closure__)


class Hostile:
    """Whatever is asked of it, it notes and fails."""

    asked: list[str] = []

    def _fail(self, *what):
        Hostile.asked.append(repr(what))
        torch.rand(1)
        raise RuntimeError

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __eq__ = __hash__ = __getattr__ = __array__ = _fail
    __class__ = property(_fail)
    __dict__ = property(_fail)


class HostileList(list):
    __len__ = __iter__ = __getitem__ = __repr__ = Hostile._fail


class HostileMeta(type):
    __getattribute__ = Hostile._fail
    __instancecheck__ = __subclasscheck__ = Hostile._fail


class HostileModule(torch.nn.Sequential):
    __getattr__ = parameters = named_parameters = extra_repr = Hostile._fail


class HostileTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *arguments):
        Hostile.asked.append("function")
        raise RuntimeError


def test_each_kind_of_variable_in_one_line():
    frame = of_variables(
        x=torch.arange(6.0).reshape(2, 3), a=np.ones((2, 2)), rate=0.5, count=7, flag=True, name="cpu",
        none=None, model=torch.nn.Linear(3, 2), pair=(torch.zeros(2), "text"), many=list(range(1000)),
        batch={"x": torch.ones(1), "y": 3}, big=10**400, raw=b"abc", z=1j, text="x" * 1000,
    )  # fmt: skip
    found = shown(frame)
    assert found["x"].summary.shape == (2, 3) and found["x"].summary.mean == 2.5
    assert found["a"].summary.dtype == "float64"
    assert [found[name].summary.item for name in ("rate", "count", "flag")] == [0.5, 7, True]
    assert (found["name"].text, found["none"].text, found["raw"].text) == ("'cpu'", "None", "3 bytes")
    assert (found["model"].kind, found["model"].text) == ("Linear", "8 parameters")
    assert (found["pair"].text, found["many"].text, found["batch"].text) == ("2 items", "1,000 items", "2 items")
    assert found["pair[0]"].summary.shape == (2,)
    assert found["batch['x']"].summary.item == 1
    assert found["big"].text == "a whole number of 1329 bits"
    assert found["z"].text == "1j"
    assert len(found["text"].text) < 80
    assert "many[0]" not in found


def test_what_holds_tensors_comes_first():
    names = list(shown(of_variables(a=1, b=[torch.ones(1)], c="c", d=torch.ones(1))))
    assert names == ["b", "b[0]", "d", "a", "c"]


def test_attributes_of_an_object():
    here = types.SimpleNamespace(weight=torch.ones(2), name="x", parts=[torch.ones(3)])
    assert shown(of_variables(self=here))["self.weight"].summary.numel == 2


def test_nothing_of_the_users_runs():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.Linear(1, 1)))
    model.__class__ = HostileModule
    odd = HostileMeta("Odd", (), {})
    variables = {
        "one": Hostile(), "two": HostileList([1, 2, 3]), "three": odd, "four": model, "five": odd(),
        "six": torch.ones(3).as_subclass(HostileTensor), "seven": {Hostile: Hostile()}, "eight": [Hostile()],
    }  # fmt: skip
    state = torch.get_rng_state()
    Hostile.asked.clear()  # making them may ask, too
    found = shown(of_variables(**variables))
    assert Hostile.asked == []
    assert torch.equal(torch.get_rng_state(), state)
    assert (found["one"].kind, found["one"].text) == ("Hostile", "")
    assert (found["two"].kind, found["two"].text) == ("HostileList", "3 items")
    assert found["four"].text == "11 parameters"
    assert found["five"].kind == "Odd"
    assert found["six"].kind == "HostileTensor" and found["six"].summary is None


def test_broken_and_odd_tensors():
    freed = torch.ones(8)
    freed.untyped_storage().resize_(0)
    lazy = torch.nn.LazyLinear(2).weight
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    odd = {
        "freed": freed, "lazy": lazy, "nested": nested, "meta": torch.ones(3, device="meta"),
        "sparse": torch.eye(3).to_sparse(), "nan": torch.tensor([float("nan"), 1.0]), "empty": torch.ones(0),
        "objects": np.array([Hostile], dtype=object), "huge": torch.ones(1).expand(1 << 40),
        "half": torch.ones(2, dtype=torch.bfloat16),
    }  # fmt: skip
    found = shown(of_variables(**odd))
    assert (found["freed"].kind, found["freed"].text) == ("8 float32", "has no numbers")
    assert (found["huge"].kind, found["huge"].text) == ("1099511627776 float32", "too large to be read here")
    assert found["nan"].summary.nans == 1
    assert found["half"].summary.mean == 1
    assert found["lazy"].kind == "UninitializedParameter"
    missing = [
        name for name in odd if name not in found
    ]  # in an assert, pytest would print the freed one, and crash
    assert not missing


def test_modes_of_the_users_see_nothing():
    seen = []

    class Functions(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    class Ops(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    x = torch.ones(100, requires_grad=True) * 2
    with Functions(), Ops():
        frame = of_variables(x=x)
        assert not seen
        x + 1
    assert shown(frame)["x"].summary.mean == 2
    assert seen


def test_any_number_of_variables_and_of_calls_stays_in_bounds():
    names = {f"variable_{i}": torch.randn(70) for i in range(10_000)}
    scope = {**names, "__name__": "train", "call": lambda again: again(), "calls": list(range(300))}

    def recurse(depth, one, two, three, read):
        return recurse(depth - 1, torch.randn(64), torch.randn(65), [one] * 10, read) if depth else read()

    read = StackReader(running_calls).now
    code = compile("stack = recurse(300, 0, 0, 0, read)", "/home/me/train.py", "exec")
    scope |= {"recurse": called(recurse), "read": read}
    exec(code, scope)
    message = StackSeen(0, scope["stack"])
    assert len(encode(message)) <= 256 << 10
    assert decode(encode(message)) == message
    assert len(message.stack.frames) == MOST_FRAMES and message.stack.left_out > 200


def test_of_ten_thousand_variables_some_are_told_and_the_others_counted():
    names = [f"v{i}" for i in range(10_000)]
    scope = dict.fromkeys(names, 1.5) | {"__name__": "train", "sys": sys, "found": [], "of_calls": of_calls}
    exec(compile("found += of_calls([(sys._getframe(), 1)]).frames", "/home/me/train.py", "exec"), scope)
    frame = scope["found"][0]
    assert len(frame.locals) == MOST_LOCALS
    assert frame.left_out > 9_000


def test_of_a_container_some_tensors_are_told():
    frame = of_variables(steps=[torch.ones(1)] * 100)
    assert len(frame.locals) == 1 + MOST_PARTS


def test_who_lies_between():
    def user(call):
        return call()

    def library(call, *arguments):
        return call(*arguments)

    read = StackReader(running_calls).now
    own = called(user)
    theirs = called(
        library, f"{next(p for p in sys.path if 'site-packages' in p)}/lightning/loop.py", "lightning.x"
    )
    stack = own(lambda: theirs(lambda: own(lambda: theirs(theirs, read))))
    # The lambdas are the test's own, as is the test itself; between them and what they call stands the library.
    inside = [frame.inside for frame in stack.frames if frame.place.path == __file__ and frame.inside]
    assert inside == ["2 frames of lightning", "1 frame of lightning"]


def test_an_installed_training_is_shown_all_the_same():
    path = f"{next(p for p in sys.path if 'site-packages' in p)}/package/train.py"

    def loop():
        yield 1

    generator = called(loop, path)()
    next(generator)
    (frame,) = StackReader(lambda: suspended_calls(generator)).now().frames
    assert frame.place.path == path


def test_a_generator_and_what_it_yields_from():
    def inner(x):
        doubled = x * 2
        yield doubled

    def outer():
        x = torch.ones(1)
        yield from inner(x)

    generator = outer()
    next(generator)
    frames = StackReader(lambda: suspended_calls(generator)).now().frames
    assert [frame.function.rpartition(".")[2] for frame in frames] == ["inner", "outer"]
    assert shown(frames[0])["doubled"].summary.item == 2
    frame, line = users_call(generator)
    assert (frame.f_code.co_name, line) == ("inner", frames[0].place.line)
    generator.close()
    assert suspended_calls(generator) == []


def test_nothing_stays_behind():
    def train(read):
        x = torch.ones(3)
        kept = weakref.ref(x)
        read()
        del x
        return kept() is None

    gc.disable()
    try:
        assert called(train)(StackReader(running_calls).now)
    finally:
        gc.enable()


def test_a_function_that_calls_locals_keeps_what_it_got():
    def train(read):
        rate = 0.5
        options = locals()
        late = 1
        read.append(StackReader(running_calls).now())
        return sorted(options), rate + late

    read = []
    options, _ = called(train)(read)
    assert "late" not in options
    assert "calls locals() itself" in read[0].frames[0].remark


def test_eval_finds_what_exec_has_made():
    def train(read):
        exec("made = 3")
        read()
        return eval("made")

    assert called(train)(StackReader(running_calls).now) == 3


def test_the_frames_of_an_exception():
    def fail(x):
        raise ValueError("bad\nvery bad")

    def train():
        x = torch.ones(2)
        called(fail)(x * 3)

    with pytest.raises(ValueError) as caught:
        called(train)()
    stack = StackReader(list).of(caught.value)
    assert stack.error == "ValueError: bad"
    assert [frame.function.rpartition(".")[2] for frame in stack.frames[:2]] == ["fail", "train"]
    assert shown(stack.frames[0])["x"].summary.mean == 3


def test_an_exception_that_can_not_be_told():
    class Unprintable(Exception):
        __str__ = __repr__ = Hostile._fail

    stack = StackReader(list).of(Unprintable())
    assert "Unprintable" in stack.error
    assert not stack.frames


def test_files_are_read_once(tmp_path):
    from bptui.debuggee.sources import LONGEST, Sources

    path, large = tmp_path / "a.py", tmp_path / "large.py"
    path.write_text("x = 1\n")
    large.write_text("x = 1\n" * LONGEST)
    sources = Sources()
    assert [seen.text for seen in sources.of(str(path))] == ["x = 1\n"]
    assert sources.of(str(path)) == sources.of("<string>") == sources.of(str(large)) == ()
    linecache.clearcache()
