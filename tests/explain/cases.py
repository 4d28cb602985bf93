"""Calls of every op that has a rule: what its node is called, the call, the shapes of its arguments."""

import torch
from torch.nn import functional as F  # noqa: N812
from torch.nn.attention import SDPBackend, sdpa_kernel

A, ROW, COLUMN, ONE, NONE = (4, 3), (3,), (4, 1), (1,), ()
IMAGE, FILTER, GROUPED = (2, 4, 7, 6), (6, 4, 3, 3), (6, 2, 3, 3)
OTHER = {torch.float32: torch.float64, torch.float64: torch.float32}


def labels(count, classes):
    return torch.arange(count) * 7 % classes


def math_attention(q, k, v):
    with sdpa_kernel(SDPBackend.MATH):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def weights(a):
    return torch.tensor([1.0, 2.0, 3.0]).to(a)


def gated(x, *weights):
    return torch.gru(x, x.new_zeros(1, 1, 2), weights, True, 1, 0.0, True, False, False)[0]


def soft(t):
    return t.detach().softmax(-1)


def in_place(function):
    return lambda a: function(a * 1)


def seeded(function):
    def call(*args):
        torch.manual_seed(3)
        return function(*args)

    return call


POSITIVE = {"log", "log_scalar", "sqrt", "rsqrt", "pow_tensor", "pow_base", "bce", "bce_weighted", "pow_half"}

CASES = {
    "add": ("Add", lambda a, b: a + b, A, A),
    "add_row": ("Add", lambda a, b: a + b, A, ROW),
    "add_column_row": ("Add", lambda a, b: a + b, COLUMN, ROW),
    "add_alpha": ("Add", lambda a, b: torch.add(a, b, alpha=3), A, ROW),
    "add_number": ("Add", lambda a: a + 2, A),
    "add_in_place": ("Add", lambda a, b: (a * 1).add_(b), A, ROW),
    "sub": ("Sub", lambda a, b: a - b, A, ROW),
    "sub_alpha": ("Sub", lambda a, b: torch.sub(a, b, alpha=2), ROW, A),
    "rsub": ("Rsub", lambda a: 1 - a, A),
    "rsub_tensor": ("Rsub", torch.rsub, A, ROW),
    "mul": ("Mul", lambda a, b: a * b, A, ROW),
    "mul_number": ("Mul", lambda a: a * 3, A),
    "mul_one": ("Mul", lambda a, b: a * b, A, NONE),
    "mul_constant": ("Mul", lambda a: a * torch.full((3,), 2.0), A),
    "mul_itself": ("Mul", lambda a: a * a, A),
    "mul_both_ways": ("Mul", lambda a, b: a * b, COLUMN, ROW),
    "div": ("Div", lambda a, b: a / b, A, ROW),
    "div_number": ("Div", lambda a: a / 4, A),
    "div_one": ("Div", lambda a, b: a / b, ROW, COLUMN),
    "div_floor": ("Div", lambda a, b: torch.div(a, b, rounding_mode="floor"), A, ROW),
    "pow": ("Pow", lambda a: a**2, A),
    "pow_cube": ("Pow", lambda a: a**3, ONE),
    "pow_half": ("Pow", lambda a: a**0.5, A),
    "pow_zero": ("Pow", lambda a: a**0, A),
    "pow_tensor": ("Pow", lambda a, b: a**b, A, ROW),
    "pow_base": ("Pow", lambda a: 2**a, A),
    "neg": ("Neg", lambda a: -a, A),
    "exp": ("Exp", torch.exp, A),
    "log": ("Log", torch.log, A),
    "log1p": ("Log1P", lambda a: torch.log1p(a.abs()), A),
    "sqrt": ("Sqrt", torch.sqrt, A),
    "rsqrt": ("Rsqrt", torch.rsqrt, A),
    "reciprocal": ("Reciprocal", lambda a: 1 / a, A),
    "sin": ("Sin", torch.sin, A),
    "cos": ("Cos", torch.cos, A),
    "abs": ("Abs", torch.abs, A),
    "clamp": ("Clamp", lambda a: a.clamp(-0.5, 0.5), A),
    "clamp_low": ("Clamp", lambda a: a.clamp(min=0.1), A),
    "clamp_min": ("ClampMin", lambda a: torch.clamp_min(a, 0.1), A),
    "clamp_max": ("ClampMax", lambda a: torch.clamp_max(a, 0.1), A),
    "maximum": ("Maximum", torch.maximum, A, ROW),
    "maximum_ties": ("Maximum", lambda a: torch.maximum(a, a * 1), A),
    "minimum": ("Minimum", torch.minimum, A, ROW),
    "where": ("Where", lambda a, b: torch.where(a > 0, a, b), A, ROW),
    "masked_fill": ("MaskedFill", lambda a: a.masked_fill(a > 0, 1.0), A),
    "masked_fill_tensor": ("MaskedFill", lambda a, b: a.masked_fill(a > 0, b), A, NONE),
    "atan": ("Atan", torch.atan, A),
    "erf": ("Erf", torch.erf, A),
    "elu": ("Elu", lambda a: F.elu(a * 100, 0.5), A),
    "selu": ("Elu", F.selu, A),
    "hardtanh": ("Hardtanh", F.hardtanh, A),
    "relu6": ("Hardtanh", F.relu6, A),
    "smooth_l1": ("SmoothL1Loss", lambda a, b: F.smooth_l1_loss(a, b, beta=0.5), A, A),
    "huber": ("HuberLoss", lambda a, b: F.huber_loss(a, b, delta=0.5, reduction="none"), A, A),
    "tril": ("Tril", lambda a: a.tril(-1), A),
    "triu": ("Triu", torch.triu, A),
    "flip": ("Flip", lambda a: a.flip(-1), A),
    "sort": ("Sort", lambda a: a.sort(-1)[0], A),
    "topk": ("Topk", lambda a: a.topk(2, 0)[0], A),
    "gru": ("UnsafeSplit", gated,
            (2, 1, 3), (6, 3), (6, 2), (6,), (6,)),
    "relu": ("Relu", F.relu, A),
    "relu_in_place": ("Relu", in_place(torch.relu_), A),
    "leaky_relu": ("LeakyRelu", lambda a: F.leaky_relu(a, 0.1), A),
    "leaky_relu_in_place": ("LeakyRelu", in_place(lambda a: F.leaky_relu(a, 0.1, inplace=True)), A),
    "threshold": ("Threshold", lambda a: F.threshold(a, 0.2, 1.0), A),
    "gelu": ("Gelu", F.gelu, A),
    "gelu_tanh": ("Gelu", lambda a: F.gelu(a, approximate="tanh"), A),
    "silu": ("Silu", F.silu, A),
    "sigmoid": ("Sigmoid", torch.sigmoid, A),
    "tanh": ("Tanh", torch.tanh, A),
    "softplus": ("Softplus", lambda a: F.softplus(a, beta=2), A),
    "sum": ("Sum", torch.sum, A),
    "sum_dim": ("Sum", lambda a: a.sum(-1), A),
    "sum_keep": ("Sum", lambda a: a.sum((0, 2), keepdim=True), (2, 3, 4)),
    "sum_dims": ("Sum", lambda a: a.sum((-1, 0)), (2, 3, 4)),
    "mean": ("Mean", torch.mean, A),
    "mean_dim": ("Mean", lambda a: a.mean(-2), (2, 3, 4)),
    "mean_keep": ("Mean", lambda a: a.mean((0, -1), keepdim=True), (2, 3, 4)),
    "max": ("Max", torch.max, A),
    "max_ties": ("Max", lambda a: torch.max(a * 0 + 1), A),
    "max_dim": ("Max", lambda a: a.max(-1)[0], A),
    "max_keep": ("Max", lambda a: a.max(0, keepdim=True)[0], A),
    "min": ("Min", torch.min, A),
    "min_dim": ("Min", lambda a: a.min(1)[0], A),
    "amax": ("Amax", lambda a: a.amax(-1), A),
    "amax_ties": ("Amax", lambda a: (a > 0).to(a.dtype).mul(a * 0 + 1).amax((0, 1)), A),
    "amin": ("Amin", lambda a: a.amin((0, 1), keepdim=True), A),
    "var": ("Var", lambda a: a.var(0), A),
    "std": ("Std", torch.std, A),
    "norm": ("LinalgVectorNorm", lambda a: torch.linalg.vector_norm(a, dim=1), A),
    "norm_1": ("LinalgVectorNorm", lambda a: torch.linalg.vector_norm(a, 1), A),
    "logsumexp": ("Logsumexp", lambda a: a.logsumexp(-1), A),
    "softmax": ("Softmax", lambda a: a.softmax(-1), A),
    "softmax_first": ("Softmax", lambda a: a.softmax(0), A),
    "log_softmax": ("LogSoftmax", lambda a: a.log_softmax(1), A),
    "mm": ("Mm", lambda a, b: a @ b, A, (3, 5)),
    "bmm": ("Bmm", lambda a, b: a @ b, (2, 4, 3), (2, 3, 5)),
    "matmul_many": ("Mm", lambda a, b: a @ b, (2, 4, 3), (3, 5)),
    "matmul_broadcast": ("Bmm", lambda a, b: a @ b, (2, 1, 4, 3), (3, 3, 5)),
    "einsum": ("Bmm", lambda a, b: torch.einsum("bij,bjk->bik", a, b), (2, 4, 3), (2, 3, 5)),
    "mv": ("Mv", lambda a, b: a @ b, A, ROW),
    "dot": ("Dot", lambda a, b: a @ b, ROW, ROW),
    "vdot": ("Vdot", torch.vdot, ROW, ROW),
    "addmm": ("Addmm", lambda a, b, c: torch.addmm(a, b, c, alpha=2, beta=3), (5,), A, (3, 5)),
    "baddbmm": ("Baddbmm", torch.baddbmm, (2, 1, 5), (2, 4, 3), (2, 3, 5)),
    "addmv": ("Addmv", lambda a, b, c: torch.addmv(a, b, c, alpha=2), (4,), A, ROW),
    "linear": ("Addmm", F.linear, A, (5, 3), (5,)),
    "linear_many": ("Addmm", F.linear, (2, 4, 3), (5, 3), (5,)),
    "linear_no_bias": ("Mm", F.linear, A, (5, 3)),
    "mse": ("MseLoss", F.mse_loss, A, A),
    "mse_sum": ("MseLoss", lambda a, b: F.mse_loss(a, b, reduction="sum"), A, A),
    "mse_none": ("MseLoss", lambda a, b: F.mse_loss(a, b, reduction="none"), A, A),
    "nll": ("NllLoss", lambda a: F.nll_loss(a, labels(4, 3)), A),
    "nll_sum": ("NllLoss", lambda a: F.nll_loss(a, labels(4, 3), reduction="sum"), A),
    "nll_none": ("NllLoss", lambda a: F.nll_loss(a, labels(4, 3), reduction="none"), A),
    "nll_weights": ("NllLoss", lambda a: F.nll_loss(a, labels(4, 3), weights(a)), A),
    "nll_ignored": ("NllLoss", lambda a: F.nll_loss(a, labels(4, 3), ignore_index=1), A),
    "nll_one": ("NllLoss", lambda a: F.nll_loss(a, torch.tensor(2)), ROW),
    "nll_2d": ("NllLoss2D", lambda a: F.nll_loss(a, labels(40, 3).reshape(2, 4, 5)), (2, 3, 4, 5)),
    "cross_entropy": ("NllLoss", lambda a: F.cross_entropy(a, labels(4, 3)), A),
    "cross_entropy_smooth": ("NllLoss", lambda a: F.cross_entropy(a, labels(4, 3), label_smoothing=0.1), A),
    "cross_entropy_soft": ("LogSoftmax", lambda a: F.cross_entropy(a, soft(a)), A),
    "bce_logits": ("BinaryCrossEntropyWithLogits", lambda a: F.binary_cross_entropy_with_logits(a, soft(a)), A),
    "bce_logits_target": ("BinaryCrossEntropyWithLogits", F.binary_cross_entropy_with_logits, A, A),
    "bce_logits_weights": (
        "BinaryCrossEntropyWithLogits",
        lambda a, b: F.binary_cross_entropy_with_logits(
            a, b, weight=weights(a), pos_weight=torch.tensor([3.0, 1.0, 2.0]).to(a),
            reduction="none",
        ),
        A, A,
    ),
    "bce": ("BinaryCrossEntropy", lambda a, b: F.binary_cross_entropy(a.sigmoid(), b.sigmoid()), A, A),
    "bce_weighted": (
        "BinaryCrossEntropy",
        lambda a: F.binary_cross_entropy(a.sigmoid(), soft(a), weights(a), reduction="sum"), A,
    ),
    "layer_norm": ("NativeLayerNorm", lambda a, w, b: F.layer_norm(a, (3,), w, b), A, ROW, ROW),
    "layer_norm_plain": ("NativeLayerNorm", lambda a: F.layer_norm(a, (3, 4)), (2, 3, 4)),
    "layer_norm_2d": ("NativeLayerNorm", lambda a, w, b: F.layer_norm(a, (3, 4), w, b), (2, 3, 4), (3, 4), (3, 4)),
    "batch_norm": ("NativeBatchNorm", lambda a, w, b: F.batch_norm(a, None, None, w, b, True), IMAGE, (4,), (4,)),
    "batch_norm_1d": ("NativeBatchNorm", lambda a: F.batch_norm(a, None, None, training=True), A),
    "batch_norm_eval": (
        "NativeBatchNorm",
        lambda a, w, b: F.batch_norm(a, torch.ones(4).to(a), torch.full((4,), 2.0).to(a), w, b), IMAGE, (4,), (4,),
    ),
    "group_norm": ("NativeGroupNorm", lambda a, w, b: F.group_norm(a, 2, w, b), IMAGE, (4,), (4,)),
    "group_norm_plain": ("NativeGroupNorm", lambda a: F.group_norm(a, 4), IMAGE),
    "rms_norm": ("Rsqrt", lambda a, w: F.rms_norm(a, (3,), w), A, ROW),
    "conv2d": ("Convolution", F.conv2d, IMAGE, FILTER, (6,)),
    "conv2d_strided": (
        "Convolution", lambda a, w: F.conv2d(a, w, stride=(2, 1), padding=(1, 2), dilation=(1, 2)), IMAGE, FILTER,
    ),
    "conv2d_groups": ("Convolution", lambda a, w, b: F.conv2d(a, w, b, 1, 1, 1, 2), IMAGE, GROUPED, (6,)),
    "conv2d_one": ("Convolution", lambda a, w, b: F.conv2d(a, w, b), (4, 7, 6), FILTER, (6,)),
    "conv1d": ("Convolution", lambda a, w: F.conv1d(a, w, stride=2), (2, 3, 9), (4, 3, 3)),
    "conv3d": ("Convolution", lambda a, w: F.conv3d(a, w, padding=1), (1, 2, 4, 3, 5), (3, 2, 2, 3, 2)),
    "conv_transposed": (
        "Convolution",
        lambda a, w, b: F.conv_transpose2d(a, w, b, stride=2, padding=1, output_padding=1, groups=2),
        IMAGE, (4, 3, 3, 3), (6,),
    ),
    "conv_transposed_1d": ("Convolution", lambda a, w: F.conv_transpose1d(a, w, dilation=2), (2, 3, 5), (3, 4, 3)),
    "max_pool2d": ("MaxPool2DWithIndices", lambda a: F.max_pool2d(a, 3, stride=1, padding=1), IMAGE),
    "max_pool1d": ("MaxPool2DWithIndices", lambda a: F.max_pool1d(a, 2), (2, 3, 8)),
    "max_pool3d": ("MaxPool3DWithIndices", lambda a: F.max_pool3d(a, 2), (1, 2, 4, 4, 4)),
    "max_pool_adaptive": ("AdaptiveMaxPool2D", lambda a: F.adaptive_max_pool2d(a, 3), IMAGE),
    "avg_pool2d": ("AvgPool2D", lambda a: F.avg_pool2d(a, 2), IMAGE),
    "avg_pool2d_padded": (
        "AvgPool2D",
        lambda a: F.avg_pool2d(a, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), IMAGE,
    ),
    "avg_pool2d_ceil": ("AvgPool2D", lambda a: F.avg_pool2d(a, (2, 3), 2, padding=1, ceil_mode=True), IMAGE),
    "avg_pool2d_divisor": ("AvgPool2D", lambda a: F.avg_pool2d(a, 2, divisor_override=3), IMAGE),
    "avg_pool1d": ("AvgPool2D", lambda a: F.avg_pool1d(a, 2), (2, 3, 8)),
    "avg_pool3d": ("AvgPool3D", lambda a: F.avg_pool3d(a, 2), (1, 2, 4, 4, 4)),
    "avg_pool_adaptive": ("AdaptiveAvgPool2D", lambda a: F.adaptive_avg_pool2d(a, (3, 4)), IMAGE),
    "embedding": ("Embedding", lambda w: F.embedding(torch.tensor([[0, 1], [1, 1]]), w), (5, 3)),
    "embedding_padding": (
        "Embedding",
        lambda w: F.embedding(torch.tensor([0, 1, 1, 2]), w, padding_idx=0, scale_grad_by_freq=True), (5, 3),
    ),
    "embedding_sparse": ("Embedding", lambda w: F.embedding(torch.tensor([0, 1, 1]), w, sparse=True), (5, 3)),
    "dropout": ("Mul", seeded(lambda a: F.dropout(a, 0.5)), A),
    "native_dropout": ("NativeDropout", seeded(lambda a: torch.native_dropout(a, 0.4, True)[0]), A),
    "cat": ("Cat", lambda a, b: torch.cat([a, b * 2, a]), A, (2, 3)),
    "cat_last": ("Cat", lambda a, b: torch.cat([torch.ones(4, 2).to(a), a, b], -1), A, COLUMN),
    "stack": ("Stack", lambda a, b: torch.stack([a, b], -1), A, A),
    "view": ("View", lambda a: a.view(2, 6), A),
    "reshape": ("UnsafeView", lambda a: a.t().reshape(6, 2), A),
    "t": ("T", lambda a: a.t(), A),
    "transpose": ("Transpose", lambda a: a.transpose(-1, 0), (2, 3, 4)),
    "permute": ("Permute", lambda a: a.permute(-1, 0, 1), (2, 3, 4)),
    "expand": ("Expand", lambda a: a.expand(2, 4, 3), COLUMN),
    "select": ("Select", lambda a: a[:, -1], A),
    "slice": ("Slice", lambda a: a[1:, :-1:2], A),
    "slice_step": ("Slice", lambda a: a[-3:-1], A),
    "diagonal": ("Diagonal", lambda a: a.diagonal(1), A),
    "index": ("Index", lambda a: a[torch.tensor([0, 1, 1])], A),
    "index_second": ("Index", lambda a: a[:, torch.tensor([[0, 1], [2, 2]])], A),
    "index_pairs": ("Index", lambda a: a[torch.tensor([0, 1, 0]), torch.tensor([2, 1, 2])], A),
    "index_mask": ("Index", lambda a: a[a > 0], A),
    "gather": ("Gather", lambda a: a.gather(-1, torch.tensor([[0, 0], [1, 2], [2, 2], [1, 0]])), A),
    "index_select": ("IndexSelect", lambda a: a.index_select(0, torch.tensor([3, 0, 3])), A),
    "squeeze": ("Squeeze", lambda a: a.squeeze(), (4, 1, 3)),
    "squeeze_dim": ("Squeeze", lambda a: a.squeeze(-2), (4, 1, 3)),
    "squeeze_dims": ("Squeeze", lambda a: a.squeeze((1, 2)), (4, 1, 1)),
    "unsqueeze": ("Unsqueeze", lambda a: a.unsqueeze(-1), A),
    "clone": ("Clone", torch.clone, A),
    "to_copy": ("ToCopy", lambda a: a.to(OTHER[a.dtype]), A),
    "unbind": ("Unbind", lambda a: a.unbind(1)[:2], A),
    "split": ("Split", lambda a: a.split(2)[1], (5, 3)),
    "split_sizes": ("SplitWithSizes", lambda a: a.split([1, 3], 0), A),
    "chunk": ("Split", lambda a: a.chunk(3, -1)[2], A),
    "attention": ("ScaledDotProductFlashAttentionForCpu", F.scaled_dot_product_attention, *[(1, 2, 4, 8)] * 3),
    "attention_causal": (
        "ScaledDotProductFlashAttentionForCpu",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3), *[(2, 2, 5, 8)] * 3,
    ),
    "attention_mask": (
        "ScaledDotProductFlashAttentionForCpu",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.randn(4, 6).to(q)),
        (1, 2, 4, 8), (1, 2, 6, 8), (1, 2, 6, 8),
    ),
    "attention_math": ("SafeSoftmax", math_attention, *[(1, 2, 4, 8)] * 3),
}  # fmt: skip
