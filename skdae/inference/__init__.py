"""How a trained module is applied: chunks, tiles, averages, and outside of Python."""

from skdae.inference._apply import apply
from skdae.inference._averages import over_spots, over_turns
from skdae.inference._chunks import chunk_size
from skdae.inference._onnx import onnx_model

__all__ = ["apply", "chunk_size", "onnx_model", "over_spots", "over_turns"]
