"""What is skipped for want of an extra, and what stays an error."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LACKING = """
import pytest
import nowhere_to_be_found
"""
LATER = """
import importlib
import subprocess
import sys
import pytest
from sentire.optional import import_extra

def test_imports():
    importlib.import_module("nowhere_to_be_found")

def test_extra():
    import_extra("nowhere_to_be_found", extra="redis", purpose="A test")

def test_process():
    code = "from sentire.optional import import_extra as i; i('nowhere', extra='otel', purpose='A')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

def test_wrong():
    assert False
"""


@pytest.mark.parametrize(
    ("is_whole", "counts"),
    [
        pytest.param(False, ("1 failed", "4 skipped"), id="an extra is missing"),
        pytest.param(True, ("4 failed", "1 error"), id="all is installed"),
    ],
)
def test_a_missing_package_skips_only_where_the_extras_are_not_all_there(
    tmp_path, is_whole, counts
):
    (tmp_path / "test_lacking.py").write_text(LACKING)
    (tmp_path / "test_later.py").write_text(LATER)
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
        f"import missing\nmissing.IS_WHOLE = {is_whole}\npytest_plugins = ['missing']\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--continue-on-collection-errors", "-rs", "-c",
         "/dev/null", "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert all(count in done.stdout for count in counts), done.stdout
    assert ("nowhere_to_be_found is not installed" in done.stdout) is not is_whole
    assert ("the extra redis is not installed" in done.stdout) is not is_whole
