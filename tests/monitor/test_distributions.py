from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.signal import lfilter

from monitor.analysis.distributions import gamma_cdf, student_95
from monitor.analysis.pattern import decaying_sums


@pytest.mark.parametrize("degrees", [9, 10, 11, 15, 30, 59, 60, 61, 200, 10**6])
def test_students_quantile_is_scipys(degrees: int) -> None:
    assert student_95(degrees) == pytest.approx(special.stdtrit(degrees, 0.95), abs=4e-6)


def test_students_quantile_is_refused_where_the_expansion_is_not_close() -> None:
    with pytest.raises(ValueError, match="from 9 degrees of freedom on: 8"):
        student_95(8)


@given(st.floats(0.01, 5000), st.floats(0, 3))
def test_the_gamma_distribution_function_is_scipys(shape: float, share: float) -> None:
    x = share * shape
    assert gamma_cdf(shape, x) == pytest.approx(special.gammainc(shape, x), abs=1e-11)


def test_the_gamma_distribution_function_has_its_ends() -> None:
    assert gamma_cdf(3, 0) == gamma_cdf(3, -1) == 0
    assert gamma_cdf(3, float("inf")) == 1
    with pytest.raises(ValueError, match="positive: 0"):
        gamma_cdf(0, 1)


@given(st.integers(0, 2000), st.integers(1, 4), st.floats(0, 0.95))
def test_decaying_sums_are_scipys_filter(length: int, columns: int, decay: float) -> None:
    values = np.random.default_rng(length).normal(size=(length, columns))
    expected = lfilter([1], [1, -decay], values, axis=0) if length else values
    np.testing.assert_allclose(decaying_sums(values, decay), expected, atol=1e-12)
