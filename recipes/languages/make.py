"""Make the tables by which sentire tells languages apart, from the model of py3langid.

    pip install py3langid==0.4.0
    python recipes/languages/make.py src/sentire/text/langid

Nothing is trained here. The model, naive Bayes over byte n-grams, is written in a form that takes
7 MB of memory and what is used of a mapped file, where the library's takes 100 MB; the answers are
the same, which ``tests/text/test_ngrams.py`` proves against the library.

``weights.npy``
    int16 (n_features, n_columns): log-probabilities times ``SCALE``. The n-grams that are most
    frequent in English come first, so that those in use lie close together.
``automaton.npz``
    What the n-grams are: an automaton that reads bytes. The next states of each state, 256 of
    them, are cut into pages of ``PAGE``; equal pages are kept once. ``page_of`` tells where the
    pages of each state lie; ``state`` and ``feature`` hold, for each entry of each page, the next
    state and the n-gram that was found on the way, -1 if none. State 0 is the first. ``prior`` and
    ``language`` belong to the columns of the weights.
"""

import sys
from pathlib import Path

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

LEFT_OUT = {"zh", "ja", "ko", "la", "vo"}
"""Languages that their script tells, and two that nobody writes reviews in.

So are languages without a two-letter code: Nigerian Pidgin is English to our reader.
"""
SCALE = 512
"""The model's weights are float16 between 2 and 16: whole multiples of 1/512, kept exactly."""
PAGE = 16


def main(folder: Path) -> None:
    """Write both files into ``folder``."""
    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    model.set_languages(
        [label for label in model.labels if len(label) == 2 and label not in LEFT_OUT]
    )
    weights = model.nb_ptc.astype(np.float64) * SCALE
    if (weights % 1).any() or np.abs(weights).max() > np.iinfo(np.int16).max:
        raise SystemExit("these weights are no multiples of 1/512 below 64; choose another SCALE")
    order = np.argsort(-weights[:, model.nb_classes.index("en")], kind="stable")
    place = np.append(np.argsort(order), -1)  # of a feature; -1 stays -1
    # The library shares the next states of states that have the same ones, and so do we: these
    # classes of states are our states, with the first one's made number 0.
    kind = np.asarray(model.tk_row, dtype=np.int64)
    first = kind[0]
    kind = np.where(kind == first, 0, np.where(kind == 0, first, kind))
    moves = np.asarray(model.tk_nextmove, dtype=np.int64).reshape(-1, 256)
    moves[[0, first]] = moves[[first, 0]]
    entries = np.stack([kind[moves], place[np.asarray(model.tk_output)][moves]], axis=-1)
    pages = np.ascontiguousarray(entries.astype(np.int32)).reshape(-1, 2 * PAGE)
    _, kept, page_of = np.unique(
        pages.view(np.dtype((np.void, pages[0].nbytes))), return_index=True, return_inverse=True
    )
    if max(len(kept), len(moves)) > np.iinfo(np.uint16).max:
        raise SystemExit(f"{len(kept)} pages and {len(moves)} states do not fit into 16 bits")
    entries = pages[kept].reshape(-1, 2)
    np.save(folder / "weights.npy", weights[order].astype(np.int16))
    np.savez(
        folder / "automaton.npz",
        page_of=page_of.ravel().astype(np.uint16),
        state=entries[:, 0].astype(np.uint16),
        feature=entries[:, 1],
        prior=model.nb_pc,
        language=np.array(model.nb_classes),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
