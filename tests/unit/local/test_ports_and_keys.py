"""Ports are free, remembered and different; keys are private and stay."""

import socket
from pathlib import Path

import pytest

from reelmill_local import ports
from reelmill_local.bus_users import BusUsers
from reelmill_local.control import NotRunningError, ask
from reelmill_local.servers.nats import nats_server
from reelmill_local.servers.seaweed import S3Keys, write_private
from reelmill_local.stack import LocalStack, StackError


def test_every_port_is_different_and_can_be_bound() -> None:
    chosen = ports.choose()
    assert set(chosen) == {*ports.USUAL, *ports.INTERNAL}
    assert len(set(chosen.values())) == len(chosen)
    assert all(ports.is_free(port) for port in chosen.values())


def test_a_usual_port_that_is_taken_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setitem(ports.USUAL, "nats", port)
        assert ports.choose()["nats"] != port


def test_a_port_taken_on_all_addresses_is_not_free() -> None:
    with socket.create_server(("", 0)) as taken:
        assert not ports.is_free(taken.getsockname()[1])


def test_a_stack_keeps_its_ports_when_it_is_started_again(tmp_path: Path) -> None:
    with ports.reserved(tmp_path) as first:
        pass
    with ports.reserved(tmp_path) as second:
        assert second == first


def test_a_remembered_port_that_is_taken_now_is_replaced(tmp_path: Path) -> None:
    with ports.reserved(tmp_path) as first:
        pass
    with socket.create_server(("127.0.0.1", first["filer"])), ports.reserved(tmp_path) as second:
        assert second["filer"] != first["filer"]
        assert second["master"] == first["master"]


def test_two_stacks_that_start_at_once_choose_different_ports(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with ports.reserved(tmp_path / "one") as one, ports.reserved(tmp_path / "two") as two:
        assert not set(one.values()) & set(two.values())


def test_keys_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys = S3Keys.kept_in(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert S3Keys.kept_in(file) == keys
    assert S3Keys.kept_in(tmp_path / "other.json") != keys


def test_a_private_file_replaces_one_that_everybody_could_read(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600


def test_nats_reaches_the_disk_before_it_acknowledges(tmp_path: Path) -> None:
    users = BusUsers.kept_in(tmp_path / "users")
    nats_server(tmp_path / "with space", 4222, users.accounts, users.owner)
    configuration = (tmp_path / "with space" / "nats.conf").read_text()
    assert "sync_interval: always" in configuration
    assert "host: 127.0.0.1" in configuration


def test_asking_where_no_stack_runs_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="no stack runs"):
        ask(tmp_path, "status")
    with pytest.raises(NotRunningError, match="no stack runs"):
        ask(tmp_path / "missing", "status")
    assert not LocalStack(tmp_path).is_running()
    LocalStack(tmp_path).stop()


def test_a_stack_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no process nonsense"):
        LocalStack(tmp_path, only=["nonsense"]).start()
