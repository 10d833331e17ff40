import pytest

from sentire.doctor.configuration import check_keys, read
from sentire.service.settings import Settings
from sentire.web.settings import KeySettings


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        pytest.param("portt = 1\n", {}, id="a misspelt setting"),
        pytest.param("", {"SENTIRE_LIMITS_TEXTS": "many"}, id="a variable that is no number"),
        pytest.param("[limits\n", {}, id="no TOML"),
    ],
)
def test_settings_that_can_not_be_read_are_broken_and_the_defaults_stand_in(
    tmp_path, text, environ
):
    (tmp_path / "sentire.toml").write_text(text)
    settings, finding = read(tmp_path / "sentire.toml", environ)
    assert settings == Settings()
    assert finding.status == "broken"


def test_settings_that_can_be_read_are_fine(tmp_path):
    settings, finding = read(None, {"SENTIRE_LIMITS_TEXTS": "7", "HOME": "/root"})
    assert (settings.limits.texts, finding.status) == (7, "fine")
    assert finding.details["variables"] == ["SENTIRE_LIMITS_TEXTS"]


@pytest.mark.parametrize("text", [None, "", "shop:sha256:zzz\n"])
def test_a_file_of_keys_that_can_not_be_used_is_broken(tmp_path, text):
    if text is not None:
        (tmp_path / "keys.txt").write_text(text)
    finding = check_keys(Settings(keys=KeySettings(file=str(tmp_path / "keys.txt"))))
    assert finding.status == "broken"


def test_a_file_of_keys_that_can_be_used_is_nothing_to_say(tmp_path):
    (tmp_path / "keys.txt").write_text(f"shop:sha256:{64 * '0'}\n")
    assert check_keys(Settings(keys=KeySettings(file=str(tmp_path / "keys.txt")))) is None
    assert check_keys(Settings()) is None
