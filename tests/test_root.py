import pickle
import subprocess
import sys

import pytest

import sentire
from sentire import errors
from sentire.labels import label_of
from sentire.threads import available_threads, divide_threads


def test_the_root_exports_four_names():
    assert sorted(sentire.__all__) == ["Analyzer", "Prediction", "SentireError", "load"]
    assert all(getattr(sentire, name) for name in sentire.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sentire.nothing


def test_importing_loads_no_engine_and_no_framework():
    heavy = "{'openvino', 'onnxruntime', 'torch', 'fastapi', 'starlette', 'pyarrow', 'numpy'}"
    code = f"import sentire, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "error",
    [
        errors.TextTooLong(300, 126),
        errors.NotText("int"),
        errors.NotTexts("one text", "Put it into a list"),
        errors.BundleDamaged("path", "reason"),
        errors.MissingExtra("gpu", "TensorRT", "pip install …"),
        errors.Overloaded(9, 8),
        errors.EmptyText(),
        errors.RequestRefused(404, "model_not_found", "no."),
        errors.ServiceFailed("http://a", "failed"),
        errors.ServiceOverloaded("http://a", 2.0),
        errors.ServiceUnreachable(("http://a is not reached",)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling_with_their_numbers(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("head", "name", "label"),
    [
        ("polarity", "POSITIVE", "positive"),
        ("polarity", "5 stars", "positive"),
        ("polarity", "1 star", "negative"),
        ("polarity", "正向", "positive"),
        ("polarity", "負面", "negative"),
        ("polarity", "Neu", "neutral"),
        ("polarity", "LABEL_0", None),
        ("polarity", "1", None),
        ("polarity", "happy", None),
        ("emotion", "happy", "joy"),
        ("emotion", "no emotion", "neutral"),
        ("emotion", "憤怒", "anger"),
        ("emotion", "positive", None),
    ],
)
def test_foreign_labels_are_mapped_only_where_their_meaning_is_certain(head, name, label):
    assert label_of(name, head=head) == label


@pytest.mark.parametrize(
    "group",
    [
        pytest.param("", id="of a container"),
        pytest.param("app.slice/sentire.service", id="of a service, or one above"),
    ],
)
def test_threads_follow_the_quota_of_the_control_group(tmp_path, group):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"0::/{group}\n")
    folder = tmp_path / "sys/fs/cgroup" / group
    folder.mkdir(parents=True)
    without = available_threads(tmp_path)
    for written, n_threads in (
        ("max", without),
        ("150000", 1),
        ("50000", 1),
        ("99900000", without),
    ):
        (folder / "cpu.max").write_text(f"{written} 100000\n")
        assert available_threads(tmp_path) == n_threads


@pytest.mark.parametrize(
    ("n_threads", "n_workers", "expected"),
    [
        pytest.param(4, 2, [2, 2], id="even"),
        pytest.param(5, 3, [2, 2, 1], id="uneven"),
        pytest.param(2, 4, [1, 1, 1, 1], id="more workers than threads"),
    ],
)
def test_threads_are_divided_and_nobody_goes_without(n_threads, n_workers, expected):
    assert divide_threads(n_threads, n_workers) == expected
