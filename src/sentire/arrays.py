"""Arrays by what is in them."""

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float64]
"""0 to 1, of shape (n_texts, n_labels) unless said otherwise."""
TokenIds = npt.NDArray[np.int32]
"""Of shape (n_tokens,)."""
