"""`reelmill nats ..`: keys, and what the server is told of them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmill.cli.app import app
from reelmill_kit.rights.seeds import public_key
from reelmill_kit.rights.users import ROLES, SERVICES


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["nats", *arguments])
    return result.exit_code, result.output


def test_keys_are_made_once_and_stay(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    code, told = run("users", str(folder), "--publisher", "lamps", "--follower", "lamps")
    assert code == 0
    seeds = {file.stem: file.read_text() for file in folder.glob("*.nk")}
    assert set(seeds) == {*SERVICES, "autoscaler", "publisher_lamps", "follower_lamps"}
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.glob("*.nk"))
    assert run("users", str(folder), "--publisher", "films")[0] == 0
    assert {name: (folder / f"{name}.nk").read_text() for name in seeds} == seeds
    code, configuration = run("config", str(folder))
    assert code == 0
    for name, seed in seeds.items():
        assert public_key(seed) in configuration, name
        assert seed not in configuration + told


@pytest.mark.parametrize("project", ["*", "lamps.>", "../lamps", "lamps/x", ""])
def test_a_project_that_is_none_is_refused_and_makes_nothing(tmp_path: Path, project: str) -> None:
    code, told = run("users", str(tmp_path / "keys"), "--publisher", project)
    assert code != 0
    assert "project" in told
    assert not (tmp_path / "keys").exists()


def test_a_seed_that_is_none_is_named_by_its_file_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "qa.nk").write_text("SUNOTASEED")
    code, told = run("users", str(tmp_path))
    assert code != 0
    assert "qa.nk" in told
    assert "SUNOTASEED" not in told


@pytest.mark.parametrize("role", ROLES)
def test_rights_are_told_of_every_role(role: str) -> None:
    project = ("-p", "lamps") if role in ("publisher", "follower") else ()
    code, told = run("rights", role, *project)
    assert code == 0
    found = json.loads(told)
    assert not {">", "$JS.>", "$JS.API.>", "reelmill.>", "_INBOX.>"} & set(found["publish"])
    assert all("lamps" in subject for subject in found["publish"] if project)


def test_a_role_that_is_none_is_refused(tmp_path: Path) -> None:
    assert run("rights", "admin")[0] != 0
    assert run("rights", "publisher")[0] != 0
    assert run("rights", "qa", "-p", "lamps")[0] != 0
