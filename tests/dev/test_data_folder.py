"""The data folder: one run at a time, keys made once, and `--fresh` deletes nothing of others."""

import stat
from pathlib import Path

import pytest

from local.data_folder import DataFolder, Refused


def test_the_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")

    first, second = folder.secrets(), folder.secrets()

    assert first == second
    assert stat.S_IMODE((tmp_path / "data" / "secrets.json").stat().st_mode) == 0o600
    assert first.signing_keys not in repr(first)


def test_another_folder_has_other_keys(tmp_path: Path) -> None:
    one, other = DataFolder.open(tmp_path / "one"), DataFolder.open(tmp_path / "other")

    assert one.secrets() != other.secrets()


def test_fresh_empties_a_folder_that_a_run_made(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path)
    before = folder.secrets()
    (tmp_path / "azurite").mkdir()
    (tmp_path / "azurite" / "blob").write_text("old")
    folder.release()

    again = DataFolder.open(tmp_path, fresh=True)

    assert not (tmp_path / "azurite").exists()
    assert again.secrets() != before


def test_fresh_is_fine_with_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert DataFolder.open(tmp_path / "new", fresh=True).path.is_dir()


def test_fresh_refuses_a_folder_with_files_of_others(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(Refused, match="did not make"):
        DataFolder.open(tmp_path, fresh=True)

    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_with_files_of_others_may_be_used_and_is_still_never_emptied(
    tmp_path: Path,
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    DataFolder.open(tmp_path).release()

    with pytest.raises(Refused, match="did not make"):
        DataFolder.open(tmp_path, fresh=True)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_fresh_does_not_follow_a_link_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    DataFolder.open(tmp_path / "data").release()
    (tmp_path / "data" / "azurite").symlink_to(tmp_path / "elsewhere")

    DataFolder.open(tmp_path / "data", fresh=True)

    assert (tmp_path / "elsewhere" / "kept").exists()
    assert not (tmp_path / "data" / "azurite").exists()


def test_two_runs_on_one_folder_are_refused_also_with_fresh(tmp_path: Path) -> None:
    held = DataFolder.open(tmp_path)
    keys = held.secrets()

    for fresh in (False, True):
        with pytest.raises(Refused, match=r"Another dev\.py run"):
            DataFolder.open(tmp_path, fresh=fresh)

    assert held.secrets() == keys


def test_a_file_where_the_folder_should_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(Refused, match="cannot be used"):
        DataFolder.open(tmp_path / "data")


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path)
    folder.log("host").write_text("yesterday")

    today = folder.log("host")

    assert not today.exists()
    assert today.with_name("host.previous.log").read_text() == "yesterday"


def test_an_interrupted_writing_of_the_keys_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "secrets.new").write_text('{"signing')

    assert DataFolder.open(tmp_path).secrets().signing_keys.startswith("k1:")
