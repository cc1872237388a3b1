"""TableDAE: tables come back repaired, as they came."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdae import TableDAE, trusted_types
from skdae.data import TableCodec
from skdae.estimators._table_limits import find_limits, set_aside, swap_cells
from skdae.estimators._table_rows import TableRows

QUICK = TableDAE((16,), latent_dim=8, max_epochs=2, random_state=0)


@parametrize_with_checks([QUICK, clone(QUICK).set_params(n_nets=2, early_stopping=True)])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_checks_that_scikit_learn_leaves_out(left_out_check):
    getattr(estimator_checks, left_out_check)("TableDAE", clone(QUICK))
