import pytest

from sentire.doctor.encoding import judge

PLAIN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    ("env", "status"),
    [
        pytest.param({"LC_ALL": "C.UTF-8"}, "fine", id="UTF-8"),
        pytest.param(PLAIN, "broken", id="a locale of ASCII"),
        pytest.param(PLAIN | {"PYTHONUTF8": "1"}, "fine", id="told to use UTF-8 nevertheless"),
        pytest.param({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"}, "warning", id="output"),
    ],
)
def test_a_process_under_another_locale_is_told(doctor, env, status):
    [finding] = doctor("--only", "encoding", **env)
    assert finding["status"] == status
    assert ("LC_ALL=C.UTF-8" in finding["fix"]) == (status != "fine")


@pytest.mark.parametrize(
    ("encoding", "status"), [("gbk", "broken"), ("gb18030", "fine"), ("no-such", "broken")]
)
def test_an_encoding_has_to_hold_what_people_write(encoding, status):
    assert judge(arguments=encoding, output="utf-8", chosen="zh_CN").status == status
