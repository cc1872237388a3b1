"""What a sample is: shapes, arrays and lists of samples, and the format of the data of a fit."""

from skdae.data._arrays import (
    ROW_DTYPES,
    as_fraction,
    check_ranges,
    from_channels_first,
    full_range,
    module_shape,
    parts_of,
    restore_dtype,
    rows_to_tensor,
    to_channels_first,
)
from skdae.data._format import DataFormat
from skdae.data._lists import (
    Rows,
    are_flat_rows,
    are_of_different_sizes,
    as_one_array,
    checked_samples,
    first_of_another_shape,
    is_list_of_samples,
    read_list,
)
from skdae.data._samples import Samples
from skdae.data._shapes import (
    are_signals,
    are_sizes,
    as_pixels,
    check_axes,
    check_sample_shape,
    declared_shape,
    infer_sample_shape,
    squeezed,
    warn_of_unclear_axes,
)

__all__ = [
    "ROW_DTYPES",
    "DataFormat",
    "Rows",
    "Samples",
    "are_flat_rows",
    "are_of_different_sizes",
    "are_signals",
    "are_sizes",
    "as_fraction",
    "as_one_array",
    "as_pixels",
    "check_axes",
    "check_ranges",
    "check_sample_shape",
    "checked_samples",
    "declared_shape",
    "first_of_another_shape",
    "from_channels_first",
    "full_range",
    "infer_sample_shape",
    "is_list_of_samples",
    "module_shape",
    "parts_of",
    "read_list",
    "restore_dtype",
    "rows_to_tensor",
    "squeezed",
    "to_channels_first",
    "warn_of_unclear_axes",
]
