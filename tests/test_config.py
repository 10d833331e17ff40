import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.errors import OptionError
from sentire.service.settings import Settings, load_settings


def test_without_file_and_variables_the_defaults_hold():
    assert load_settings(None, {}) == Settings()


def test_a_variable_wins_over_the_file_and_the_file_over_the_defaults(tmp_path):
    file = tmp_path / "sentire.toml"
    file.write_text('model = "zh-en"\n[server]\nport = 9000\nhost = "::1"\n[limits]\ntexts = 7\n')
    settings = load_settings(file, {"SENTIRE_SERVER_PORT": "9001", "SENTIRE_THREADS": "3"})
    assert (settings.server.port, settings.server.host) == (9001, "::1")
    assert (settings.model, settings.threads, settings.limits.texts) == ("zh-en", 3, 7)
    assert settings.limits.queue == Settings().limits.queue


def test_a_list_is_a_list_in_the_file_and_has_commas_in_a_variable(tmp_path):
    file = tmp_path / "sentire.toml"
    file.write_text('models = ["zh-en", "shop=./shop"]\n[cache]\nbytes = 0\n')
    assert load_settings(file, {}).models == ("zh-en", "shop=./shop")
    settings = load_settings(file, {"SENTIRE_MODELS": "a, b=c,"})
    assert (settings.models, settings.cache.bytes) == (("a", "b=c"), 0)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        pytest.param(
            {"SENTIRE_SERVER_PORT": "http"},
            "SERVER_PORT is 'http'. Allowed is a whole number at least 0 and at most 65535.",
            id="no number",
        ),
        pytest.param(
            {"SENTIRE_THREADS": "0"},
            "SENTIRE_THREADS is '0'. Allowed is a whole number at least 1 and at most 1024.",
            id="below the bounds",
        ),
        pytest.param(
            {"SENTIRE_LIMITS_REQUEST_S": "nan"},
            "SENTIRE_LIMITS_REQUEST_S is 'nan'. Allowed is a number above 0 and at most 3600.",
            id="not a number",
        ),
        pytest.param(
            {"SENTIRE_SERVER_ACCESS_LOG": "maybe"},
            "variable SENTIRE_SERVER_ACCESS_LOG is 'maybe'. Allowed is true or false.",
            id="no truth value",
        ),
        pytest.param(
            {"SENTIRE_SERVER_LOG": "xml"},
            "SENTIRE_SERVER_LOG is 'xml'. Allowed is one of json, text.",
            id="not one of them",
        ),
        pytest.param(
            {"SENTIRE_PRT": "1"},
            "unknown variable SENTIRE_PRT. Did you mean SENTIRE_SERVER_PORT? Allowed are SENTIRE_M",
            id="misspelt",
        ),
    ],
)
def test_a_bad_variable_is_named_with_what_is_allowed(variables, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        load_settings(None, variables)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "[server]\nprot = 1",
            "has the unknown setting 'server.prot'. Did you mean server.port? Allowed are model,",
            id="name",
        ),
        pytest.param("[sever]\nport = 1", "has the unknown setting 'sever'", id="table"),
        pytest.param("server = 1", "has the unknown setting 'server'", id="value for a table"),
        pytest.param(
            '[server]\nport = "80"', "server.port in settings file", id="text for a number"
        ),
        pytest.param("[server", "is not TOML in UTF-8", id="no TOML"),
    ],
)
def test_a_bad_file_is_named_with_what_is_allowed(tmp_path, text, message):
    file = tmp_path / "sentire.toml"
    file.write_text(text)
    with pytest.raises(OptionError, match=re.escape(message)) as raised:
        load_settings(file, {})
    assert str(file) in str(raised.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "binary"])
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, content):
    file = tmp_path / "sentire.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OptionError, match=re.escape(str(file))):
        load_settings(file, {})


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({"PORT": "1", "HOME": "/"}, id="without the prefix"),
        pytest.param({"SENTIRE_MODEL": ""}, id="empty"),
        pytest.param({"SENTIRE_DEBUG": "1"}, id="for the command line"),
        pytest.param(
            {
                "SENTIRE_PORT": "tcp://10.0.0.7:8080",
                "SENTIRE_SERVER_PORT": "tcp://10.0.0.7:8080",
                "SENTIRE_SERVICE_HOST": "10.0.0.7",
                "SENTIRE_SERVICE_PORT_HTTP": "8080",
                "SENTIRE_PORT_8080_TCP_ADDR": "10.0.0.7",
            },
            id="what Kubernetes adds for a service of our name",
        ),
    ],
)
def test_variables_that_are_not_settings_are_left_alone(variables):
    assert load_settings(None, variables) == Settings()


@given(st.dictionaries(st.text(max_size=20).map("SENTIRE_LIMITS_{}".format), st.text(max_size=9)))
def test_whatever_the_environment_holds_the_answer_is_settings_or_an_option_error(variables):
    try:
        settings = load_settings(None, variables)
    except OptionError:
        return
    assert isinstance(settings, Settings)


def test_a_file_in_another_encoding_is_named_and_a_mark_before_utf_8_is_passed_over(tmp_path):
    file = tmp_path / "sentire.toml"
    text = '# 设置\n[server]\nhost = "::1"\n'
    for encoding in ("gb18030", "utf-16"):
        file.write_bytes(text.encode(encoding))
        with pytest.raises(OptionError, match="is not TOML in UTF-8"):
            load_settings(file, {})
    file.write_text(text, encoding="utf-8-sig")
    assert load_settings(file, {}).server.host == "::1"
