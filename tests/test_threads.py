import pytest

import sentire
from sentire.errors import OptionError
from sentire.service.settings import Settings, load_settings
from sentire.serving.factory import open_model
from sentire.threads import available_threads, choose_threads


@pytest.mark.parametrize("threads", [0, -1, 1025, 2.0, True, "2"], ids=repr)
def test_a_number_of_threads_that_is_not_allowed_is_refused_before_a_model_is_read(threads):
    with pytest.raises(OptionError, match="Allowed is a whole number from 1 to 1024"):
        sentire.load("no such bundle", threads=threads)
    with pytest.raises(OptionError, match="Allowed is a whole number from 1 to 1024"):
        open_model("no such bundle", settings=Settings(threads=threads))


@pytest.mark.parametrize("threads", ["0", "1025"])
def test_settings_refuse_them_too(threads):
    with pytest.raises(OptionError, match="at least 1 and at most 1024"):
        load_settings(None, {"SENTIRE_THREADS": threads})


def test_none_takes_what_the_process_may_use():
    assert choose_threads(None) == available_threads()
    assert choose_threads(1024) == 1024
