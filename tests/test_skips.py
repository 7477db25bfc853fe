"""A test that CI does not run must not vanish: there a skip is a failure, but for what CI need not have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SKIPPING = """
import pytest

def test_tool():
    pytest.importorskip("a_tool_nobody_has")

@pytest.mark.skipif(True, reason="no server answers")
def test_server():
    pass

def test_real_files():
    pytest.skip("the folder ../shared/data is not here")

@pytest.mark.xfail
def test_known():
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("ci", "counts"), [("true", "1 failed, 1 skipped, 1 xfailed, 2 errors"), ("", "4 skipped, 1 xfailed")]
)
def test_where_ci_runs_only_what_it_need_not_have_is_skipped_for(
    tmp_path: Path, ci: str, counts: str
) -> None:
    (tmp_path / "tests").mkdir()
    shutil.copy(HERE / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "tests" / "test_whole.py").write_text("import pytest\npytest.importorskip('another')\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            "tests",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1].startswith(counts), done.stdout
