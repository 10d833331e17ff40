import numpy as np

from sentire.evaluation.calibration import calibration_error, reliability


def test_calibration_error_is_zero_where_scores_mean_what_they_say():
    confidence = np.array([0.75] * 4)
    assert calibration_error(reliability(confidence, np.array([True, True, True, False]))) == 0
    assert calibration_error(reliability(confidence, np.array([True] * 4))) == 0.25
