"""What any entry may do with models, without a command line."""

import pytest

from sentire.errors import BundleDamaged, NotInRegistry, OptionError
from sentire.jobs.comparison import compare_models
from sentire.jobs.models import find_model, list_packaged, list_registry, local_folder, verify_model
from sentire.jobs.promotion import history, promote, rollback
from sentire.registry.references import open_registry
from sentire.registry.upload import push
from tiny import make_bundle


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    make_bundle(folder / "one", version="1.0.0")
    make_bundle(folder / "two", version="2.0.0", emotion=False)
    return folder


@pytest.fixture
def shelf(bundles, tmp_path):
    """A registry with two versions; the first has been in production."""
    url = str(tmp_path / "shelf")
    with open_registry(url) as registry:
        for name in ("one", "two"):
            push(registry, bundles / name)
    promote(f"{url}/tiny@1.0.0", "production")
    promote(f"{url}/tiny@2.0.0", "production", why="better")
    return url


def test_a_model_is_found_wherever_it_lies(shelf, bundles):
    with find_model(f"{shelf}/tiny@production") as remote, find_model(str(bundles / "two")) as here:
        assert (remote.info, remote.data, remote.sizes) == (here.info, here.data, here.sizes)
        assert (remote.path, here.source, here.path) == (None, None, bundles / "two")
        assert (remote.aliases, here.aliases) == (("production",), ())
        with local_folder(remote) as pulled, local_folder(here) as local:
            assert local == bundles / "two"
            assert (pulled / "bundle.json").read_bytes() == here.data
        assert not pulled.exists()
        assert local.exists()


def test_versions_are_listed_with_the_aliases_that_point_at_them(shelf):
    listed = [(each.version, each.aliases) for each in list_registry(shelf, name="tiny")]
    assert listed == [("1.0.0", ()), ("2.0.0", ("production",))]
    assert list(list_registry(shelf)) == list(list_registry(shelf, name="tiny"))
    assert [(each.name, each.pushed) for each in list_packaged()] == [("zh-en", None)]


def test_a_promotion_leaves_a_history_and_can_be_taken_back(shelf):
    move = rollback(f"{shelf}/tiny@production", why="worse")
    assert (move.before, move.to, move.undo) == ("2.0.0", "1.0.0", True)
    assert promote(f"{shelf}/tiny@production", "staging").to == "1.0.0"
    assert [each.why for each in history(f"{shelf}/tiny@production")] == ["", "better", "worse"]


@pytest.mark.parametrize(
    ("call", "which", "error"),
    [
        pytest.param(rollback, "1.0.0", OptionError, id="rollback of a version"),
        pytest.param(history, "1.0.0", OptionError, id="history of a version"),
        pytest.param(history, "staging", NotInRegistry, id="history of no alias"),
        pytest.param(rollback, "staging", NotInRegistry, id="rollback of no alias"),
    ],
)
def test_what_is_no_alias_is_refused(shelf, call, which, error):
    with pytest.raises(error):
        call(f"{shelf}/tiny@{which}")


def test_a_model_is_verified_where_it_lies(shelf, bundles, tmp_path):
    assert verify_model(f"{shelf}/tiny@2.0.0") == verify_model(str(bundles / "two"))
    file = next((tmp_path / "shelf").rglob("2.0.0/*/tokenizer.json"))
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BundleDamaged, match="altered or cut"):
        verify_model(f"{shelf}/tiny@2.0.0")


def test_a_comparison_holds_what_differs_and_on_which_texts(shelf, bundles):
    same = compare_models(f"{shelf}/tiny@1.0.0", str(bundles / "two"), texts=["I love it", ""])
    assert (same.a.version, same.b.version) == ("1.0.0", "2.0.0")
    assert (len(same.a.labels), len(same.b.labels)) == (2, 1)
    assert (same.answers.texts, same.answers.differ) == (1, 0)
    other = compare_models("zh-en", str(bundles / "one"))
    assert other.answers.texts > 50
    assert len(other.answers.disagreements) == other.answers.differ > 0
    assert all(each.a.label != each.b.label for each in other.answers.disagreements)
    assert other.figures
    assert all(figure.b is None for figure in other.figures)
