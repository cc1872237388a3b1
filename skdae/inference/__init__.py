"""How a trained module is applied: chunks, tiles, averages."""

from skdae.inference._apply import apply
from skdae.inference._averages import over_spots, over_turns
from skdae.inference._chunks import chunk_size

__all__ = ["apply", "chunk_size", "over_spots", "over_turns"]
