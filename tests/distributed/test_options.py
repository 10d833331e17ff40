"""What an application is told, and what its replicas make of it."""

import subprocess
import sys

import pytest

from sentire.distributed.options import DeploymentOptions, read_options, settings_for
from sentire.errors import OptionError
from sentire.web.settings import Limits


def test_a_command_line_and_a_file_say_the_same():
    written = {"models": "zh-en, shop=./shelf/shop@production", "max_replicas": "3", "cpus": "2"}
    from_file = {"models": ["zh-en", "shop=./shelf/shop@production"], "max_replicas": 3, "cpus": 2}
    assert read_options(written) == read_options(from_file)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"modles": "zh-en"}, "modles.*Allowed are models", id="misspelt"),
        pytest.param({"max_replicas": "many"}, r"max_replicas", id="no number"),
        pytest.param({"target_wait_ms": 0}, r"> 0.*target_wait_ms", id="out of bounds"),
        pytest.param({"min_replicas": 9}, "min_replicas is 9, and max_replicas 4", id="swapped"),
    ],
)
def test_what_is_not_allowed_is_said(arguments, said):
    with pytest.raises(OptionError, match=said):
        read_options(arguments)


def test_arguments_win_over_variables_and_these_over_the_file(tmp_path):
    file = tmp_path / "sentire.toml"
    file.write_text('model = "a"\n[limits]\ntexts = 5\nqueue = 7\n')
    options = DeploymentOptions(models=("b", "c=d"), config=str(file))
    settings = settings_for(options, {"SENTIRE_LIMITS_TEXTS": "6"}, cpus=3)
    assert (settings.model, settings.models, settings.threads) == ("b", ("c=d",), 3)
    assert settings.limits == Limits(texts=6, queue=7)
    without = settings_for(DeploymentOptions(config=str(file)), {"SENTIRE_THREADS": "1"}, cpus=3)
    assert (without.model, without.models, without.threads) == ("a", (), 1)


@pytest.mark.parametrize(
    "variable",
    [
        {"SENTIRE_SERVER_PORT": "5000"},
        {"SENTIRE_SERVER_HOST": "0.0.0.0"},
        {"SENTIRE_SERVER_WORKERS": "2"},
        {"SENTIRE_REMOTE_URLS": "http://model:5000"},
    ],
    ids=lambda variable: next(iter(variable)),
)
def test_a_setting_that_would_do_nothing_is_refused(variable):
    with pytest.raises(OptionError, match="Take"):
        settings_for(DeploymentOptions(), variable, cpus=1)


def test_nothing_imports_ray_before_an_application_is_built():
    code = "import sentire.distributed.serve, sys; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
