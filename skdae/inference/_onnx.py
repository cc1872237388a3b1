"""What a trained module computes, as an ONNX model."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from skdae._optional import import_optional
from skdae.inference._computation import Computation
from skdae.nn import promises_any_size
from skdae.training import DenoisingNet

__all__ = ["onnx_model"]

# What goes in and what comes out, as the methods of estimators call it.
_NAMES = {
    "denoise": ("X", "X_denoised"),
    "encode": ("X", "codes"),
    "decode": ("codes", "samples"),
}
_SIDES = {1: ["length"], 2: ["height", "width"]}
# A file cannot be larger than 2 GiB; what is not weights takes little.
_MOST_BYTES = 2**31 - 2**24

Axes = list[str | int]
"""The length of each axis, or the name of one that is free."""


def onnx_model(
    net: DenoisingNet,
    part: str,
    *,
    sample_shape: tuple[int, ...],
    code_shape: tuple[int, ...],
    owner: str,
    facts: dict[str, str],
) -> bytes:
    """Return a part of what a net computes as an ONNX model, with the weights in it.

    Parameters
    ----------
    net : DenoisingNet
        The trained net.
    part : {"denoise", "encode", "decode"}
        A method of :class:`Computation`.
    sample_shape, code_shape : tuple of int
        Of the samples of the fit, channels last, and of their codes.
    owner : str
        Name of the estimator, for messages.
    facts : dict of str
        What the model says of itself.

    Raises
    ------
    ImportError
        If a package is missing.
    ValueError
        If torch cannot follow the module, or the weights are too large for a file.
    """
    for package in ("onnx", "onnxscript"):
        import_optional(package, package=package, extra="onnx", owner=f"{owner}.to_onnx")
    computation = Computation.of(net)
    module = computation.module
    _check_size(module, owner)
    axes_in, axes_out = _axes(part, module, sample_shape, code_shape)
    name_in, name_out = _NAMES[part]
    with _quietly():
        try:
            program = torch.onnx.export(
                _Part(computation, part, sample_shape, code_shape).eval(),
                (torch.zeros(_example_shape(axes_in, module), device=net.device),),
                dynamo=True,
                dynamic_shapes=({i: a for i, a in enumerate(axes_in) if isinstance(a, str)},),
                input_names=[name_in],
                output_names=[name_out],
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).partition("\n")[0]
            raise ValueError(
                f"{owner}.to_onnx cannot export {type(module).__name__}, since torch cannot follow "
                "what it computes. No branch may depend on the values of a tensor, nor on the "
                f"sides of a sample if the module takes any. torch says: {reason}"
            ) from error
        assert program is not None  # as only the old exporter returns
        proto = program.model_proto
    _set_axes(proto.graph.output[0], axes_out)
    _forget_sources(proto)
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString(deterministic=True)


class _Part(nn.Module):
    """One method of a computation as a module: samples are channels last, and codes flat."""

    def __init__(
        self,
        computation: Computation,
        part: str,
        sample_shape: tuple[int, ...],
        code_shape: tuple[int, ...],
    ):
        super().__init__()
        self.module = computation.module  # so that torch finds the weights
        self.computation = computation
        self.part = part
        self.sample_shape, self.code_shape = sample_shape, code_shape

    def forward(self, x: Tensor) -> Tensor:
        """Apply the method."""
        if self.part == "decode":
            return self.computation.decode(x, self.code_shape).unflatten(1, self.sample_shape)
        rows, shape = x.flatten(1), x.shape[1:]
        if self.part == "encode":
            return self.computation.encode(rows, shape)
        return self.computation.denoise(rows, shape).view(x.shape)


def _axes(
    part: str, module: nn.Module, sample_shape: tuple[int, ...], code_shape: tuple[int, ...]
) -> tuple[Axes, Axes]:
    """Return the axes of the input and of the output."""
    samples: Axes = ["n_samples", *sample_shape]
    codes: Axes = ["n_samples", math.prod(code_shape)]
    if part == "decode":
        return codes, samples
    *sides, n_channels = sample_shape
    if sides and promises_any_size(module):
        samples = ["n_samples", *_SIDES[len(sides)], n_channels]
        codes = ["n_samples", "n_codes"]
    return samples, samples if part == "denoise" else codes


def _example_shape(axes: Axes, module: nn.Module) -> list[int]:
    """Return the shape of an input to follow: free axes are long enough, and of unlike lengths."""
    stride, reach = getattr(module, "stride", 1), getattr(module, "reach", None) or 0
    far = math.ceil(reach / stride) + 2
    sides = (stride * (far + extra) + 1 for extra in range(len(axes)))
    return [2, *(next(sides) if isinstance(axis, str) else axis for axis in axes[1:])]


def _check_size(module: nn.Module, owner: str) -> None:
    n_bytes = sum(tensor.nbytes for tensor in module.state_dict().values())
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"{owner}.to_onnx cannot write weights of {n_bytes / 2**30:.1f} GiB: an ONNX file "
            "holds at most 2 GiB. Take a smaller net, or save_weights."
        )


def _set_axes(value: Any, axes: Axes) -> None:
    """Give an output its axes: torch calls them by the formula of their lengths."""
    dims = value.type.tensor_type.shape.dim
    for dim, axis in zip(dims, axes, strict=True):
        if isinstance(axis, str):
            dim.dim_param = axis
        else:
            dim.dim_value = axis


def _forget_sources(proto: Any) -> None:
    """Remove what torch notes of the source: its lines, and where they lie on this machine."""
    graph = proto.graph
    values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for part in (graph, *graph.node, *values):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence what torch warns and logs of its own parts."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
