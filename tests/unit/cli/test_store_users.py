"""`reelmill s3 policy`: what a service's keys are for."""

import json

import pytest
from typer.testing import CliRunner

from reelmill.cli.app import app
from reelmill_kit.rights.store import ROLES


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["s3", "policy", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("role", ROLES)
def test_a_policy_is_told_of_every_role(role: str) -> None:
    project = ("-p", "lamps") if role == "reader" else ()
    code, told = run(role, *project, "--bucket", "films")
    assert code == 0
    for statement in json.loads(told)["Statement"]:
        assert all(resource.startswith("arn:aws:s3:::films") for resource in statement["Resource"])
        assert not any("*" in action for action in statement["Action"])
        if project and "s3:GetObject" in statement["Action"]:
            assert statement["Resource"] == ["arn:aws:s3:::films/projects/lamps/*"]
    code, told = run(role, *project, "--bucket", "films", "--seaweedfs")
    assert code == 0
    assert all(action.split(":")[1].startswith("films/") for action in json.loads(told))


@pytest.mark.parametrize("wrong", [["admin"], ["reader"], ["reader", "-p", "*"], ["reader", "-p", "a/../b"],
                                   ["qa", "-p", "lamps"]])  # fmt: skip
def test_who_is_none_is_refused(wrong: list[str]) -> None:
    code, told = run(*wrong)
    assert code != 0
    assert "INVALID_FIELD" in told
