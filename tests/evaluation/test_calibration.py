import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.evaluation.calibration import expected_calibration_error, fit_temperature


@given(st.floats(0.6, 3.5))
def test_temperature_undoes_overconfidence(sharpness):
    generator = np.random.default_rng(3)
    honest = generator.normal(size=(4000, 3)) * 2
    probabilities = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    gold = np.array([generator.choice(3, p=row) for row in probabilities])
    assert fit_temperature(honest * sharpness, gold) == pytest.approx(sharpness, rel=0.12)


def test_a_class_that_can_t_be_is_left_out_of_the_fit():
    log_probabilities = np.log(np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]))
    masked = np.insert(log_probabilities, 1, -np.inf, axis=1)
    gold = np.array([0, 0, 0, 1])
    assert fit_temperature(masked, gold * 2) == fit_temperature(log_probabilities, gold)


def test_calibration_error_is_zero_where_scores_mean_what_they_say():
    probabilities = np.array([[0.75, 0.25]] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == 0
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 0])) == 0.25
