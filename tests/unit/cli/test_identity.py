"""As whom a command calls, and to whom it shows that."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelmill.cli import connection
from reelmill.cli.app import app
from reelmill.client import Credentials


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a stack that runs on this machine, with a token of its own."""
    (tmp_path / "token").write_text("of the stack\n")
    description = {
        "addresses": {"movies": "127.0.0.1:50051"},
        "environment": {"REELMILL_TOKEN_FILE": str(tmp_path / "token")},
    }
    (tmp_path / "stack.json").write_text(json.dumps(description))
    monkeypatch.setenv("REELMILL_FOLDER", str(tmp_path))
    for name in ("REELMILL_TOKEN", "REELMILL_TOKEN_FILE", "REELMILL_TLS_CA"):
        monkeypatch.delenv(name, raising=False)
    return "127.0.0.1:50051"


def test_the_stacks_own_token_goes_to_its_own_servers_alone(stack: str) -> None:
    assert connection.credentials("").bearer() == "of the stack"
    assert connection.credentials(stack).bearer() == "of the stack"
    for stranger in ("movies.example:50051", "127.0.0.1:50052", f"https://{stack}.example"):
        assert connection.credentials(stranger).bearer() == ""


def test_a_token_of_the_environment_comes_before_the_stacks(
    stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELMILL_TOKEN", "mine")
    assert connection.credentials("").bearer() == "mine"
    assert connection.credentials("movies.example:50051").bearer() == "mine"


def test_a_token_is_read_again_at_every_call(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    credentials = Credentials(token_file=file)
    assert credentials.bearer() == "one"
    file.write_text("two\n")
    assert credentials.bearer() == "two"


def test_a_token_is_not_shown_where_credentials_are() -> None:
    assert "secret" not in repr(Credentials(token="secret"))


@pytest.mark.parametrize(
    ("option", "reason"), [("--token-file", "BAD_TOKEN_FILE"), ("--tls-ca", "BAD_CA_FILE")]
)
def test_a_file_that_is_not_there_is_said_in_one_line(option: str, reason: str) -> None:
    result = CliRunner().invoke(app, ["list", "--server", "127.0.0.1:9", option, "/nowhere", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stderr)["error"]["reason"] == reason


def test_keys_and_tokens_are_made_and_no_key_is_written_over(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["token", *arguments])
        return result.exit_code, result.stdout

    assert run("key", str(key))[0] == 0
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert run("key", str(key))[0] == 2
    assert key.read_bytes() == before
    assert len(json.loads(run("keys", str(key))[1])["keys"]) == 1
    wanted = ("mint", "--key", str(key), "--issuer", "us", "--subject", "ada", "--project")
    assert run(*wanted, "lamps")[1].count(".") == 2
    assert run(*wanted, "../lamps")[0] == 2
