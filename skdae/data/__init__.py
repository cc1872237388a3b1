"""What a sample is: shapes, arrays and lists of samples, and the format of the data of a fit."""

from skdae.data._arrays import from_channels_first, module_shape, rows_to_tensor, to_channels_first
from skdae.data._dtypes import (
    ROW_DTYPES,
    as_fraction,
    check_ranges,
    full_range,
    restore_dtype,
    row_dtype,
)
from skdae.data._format import DataFormat
from skdae.data._lists import (
    Rows,
    as_one_array,
    checked_samples,
    first_of_another_shape,
    is_list_of_samples,
    read_list,
)
from skdae.data._reading import is_list_to_learn, read_clean, read_first
from skdae.data._samples import Batch, Samples
from skdae.data._shapes import (
    are_signals,
    are_sizes,
    as_pixels,
    check_axes,
    check_sample_shape,
    declared_shape,
    infer_sample_shape,
    same_sides,
    warn_of_unclear_axes,
)
from skdae.data._stored import Stored, forget_pages, is_stored, read_ahead
from skdae.data._table import TableCodec
from skdae.data._table_columns import columns_of, numbers_in, objects_in, read_table, with_cells
from skdae.data._table_output import as_numbers, with_flags, with_kept_columns
from skdae.data._targets import check_order, read_target
from skdae.data._units import Units

__all__ = [
    "ROW_DTYPES",
    "Batch",
    "DataFormat",
    "Rows",
    "Samples",
    "Stored",
    "TableCodec",
    "Units",
    "are_signals",
    "are_sizes",
    "as_fraction",
    "as_numbers",
    "as_one_array",
    "as_pixels",
    "check_axes",
    "check_order",
    "check_ranges",
    "check_sample_shape",
    "checked_samples",
    "columns_of",
    "declared_shape",
    "first_of_another_shape",
    "forget_pages",
    "from_channels_first",
    "full_range",
    "infer_sample_shape",
    "is_list_of_samples",
    "is_list_to_learn",
    "is_stored",
    "module_shape",
    "numbers_in",
    "objects_in",
    "read_ahead",
    "read_clean",
    "read_first",
    "read_list",
    "read_table",
    "read_target",
    "restore_dtype",
    "row_dtype",
    "rows_to_tensor",
    "same_sides",
    "to_channels_first",
    "warn_of_unclear_axes",
    "with_cells",
    "with_flags",
    "with_kept_columns",
]
