"""What an autograd node does, in PyTorch's own words, in mathematics and in numbers.

Nothing is imported here: the debuggee asks `bptui.explain.explain` and `bptui.explain.check`, which know torch;
the app writes chains with `bptui.explain.chain`, which does not.
"""
