"""A folder appears whole, and takes another one's place in one step, whenever its writer is killed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from pipelines import lake


def write(target: Path, said: str) -> None:
    with lake.new_folder(target, replace=True) as folder:
        (folder / "rows").mkdir()
        for name in ("rows/a", "rows/b", lake.RECEIPT):
            (folder / name).write_text(said, encoding="utf-8")


def killed(target: Path, said: str, step: int) -> bool:
    """Write in a process that is killed before the step of that number of its way to the disk; whether it was."""
    child = os.fork()
    if not child:
        left = step

        def count(event: str, _: object) -> None:
            nonlocal left
            if event != "os.kill" and event.startswith(("os.", "shutil.", "tempfile.", "ctypes.", "open")):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        code = 1
        try:
            write(target, said)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def contents(folder: Path) -> set[str]:
    return {path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}


def test_whoever_looks_finds_the_old_folder_or_the_new_one_at_every_step_of_a_kill(tmp_path: Path) -> None:
    target, step, seen = tmp_path / "made", 0, []
    write(target, "old")
    while killed(target, "new", step):
        [said] = contents(target)  # neither nothing nor a mixture
        seen.append(said)
        if said == "new":
            write(target, "old")
        step += 1

    assert {"old", "new"} == set(seen)
    assert {"new"} == contents(target)
    lake.remove(path for path in tmp_path.iterdir() if path.name.startswith(lake.TEMPORARY))
    assert [target] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "stands_there", ["a file", "a link", "a link to nothing", "a folder without a receipt"]
)
def test_a_new_folder_takes_the_place_of_whatever_is_in_its_way(tmp_path: Path, stands_there: str) -> None:
    target, elsewhere = tmp_path / "releases" / "made", tmp_path / "elsewhere"
    target.parent.mkdir()
    write(elsewhere, "somebody's")
    if stands_there == "a file":
        target.write_text("?", encoding="utf-8")
    elif stands_there == "a folder without a receipt":
        target.mkdir()
        (target / "rows").touch()
    else:
        target.symlink_to(elsewhere if stands_there == "a link" else tmp_path / "nowhere")

    write(target, "new")

    assert not target.is_symlink()
    assert {"new"} == contents(target)
    assert [target] == list(target.parent.iterdir())
    assert {"somebody's"} == contents(elsewhere)


def test_where_the_disk_cannot_exchange_two_names_the_new_folder_still_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "_EXCHANGE", 1 << 30)  # a flag no system knows
    target = tmp_path / "made"
    for said in ("old", "new"):
        write(target, said)

    assert {"new"} == contents(target)
    assert [target] == list(tmp_path.iterdir())


def test_dropping_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    target, link = tmp_path / "made", tmp_path / "link"
    write(target, "kept")
    link.symlink_to(target)

    lake.drop_folder(link)

    assert {"kept"} == contents(target)
    assert [target] == list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").mkdir()
    with pytest.raises(IsADirectoryError):
        lake.write_file(tmp_path / "CURRENT", b"release")

    assert ["CURRENT"] == [path.name for path in tmp_path.iterdir()]
