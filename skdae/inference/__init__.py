"""How a trained module is applied: chunks, tiles, averages."""

from skdae.inference._averages import over_spots, over_turns
from skdae.inference._chunks import chunk_size, in_chunks
from skdae.inference._computation import Computation
from skdae.inference._tiles import in_tiles

__all__ = ["Computation", "chunk_size", "in_chunks", "in_tiles", "over_spots", "over_turns"]
