import numpy as np

from sentire.evaluation.calibration import expected_calibration_error


def test_calibration_error_is_zero_where_scores_mean_what_they_say():
    probabilities = np.array([[0.75, 0.25]] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == 0
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 0])) == 0.25
