"""Every call of every service of a real stack, with no token, wrong ones, a stranger's and the right one."""

import uuid
from typing import Any

import grpc
import pytest

from reelmill_kit.auth import Role
from reelmill_kit.auth.access import RULES
from reelmill_kit.auth.minting import mint, new_key
from reelmill_local import LocalStack
from reelmill_local.identity import AUDIENCE, ISSUER
from tests.support.calls import METHODS, call, reason_of, request_of

pytestmark = pytest.mark.stack
PROCESSES = {
    "MovieService": "movies",
    "ScriptService": "script",
    "StyleService": "style",
    "RenderService": "render",
    "QaService": "qa",
    "DatasetService": "dataset",
    "BenchmarkService": "dataset",
}
NOT_ALLOWED = {"UNAUTHENTICATED", "PERMISSION_DENIED"}


def minted(stack: LocalStack, project: str, role: Role, seconds: float = 60, key: bytes = b"") -> str:
    own = (stack.folder / "auth" / "key.pem").read_bytes()
    return mint(
        key or own,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject="tester",
        projects=[project],
        role=role,
        seconds=seconds,
    )


async def outcome(channel: Any, path: str, project: str, token: str) -> tuple[str, str]:
    """The reason of the catalogue and the words; "" where the call was answered."""
    try:
        await call(channel, path, request_of(path, project), *([f"Bearer {token}"] if token else []))
    except grpc.aio.AioRpcError as error:
        return reason_of(error), str(error.details())
    return "", ""


async def test_every_call_of_every_service_wants_the_right_token(whole_stack: LocalStack) -> None:
    mine, other = f"p{uuid.uuid4().hex[:8]}", f"p{uuid.uuid4().hex[:8]}"
    for path in sorted(METHODS):
        rule, process = RULES[path], PROCESSES[path.split("/")[1].rpartition(".")[2]]
        async with grpc.aio.insecure_channel(whole_stack.addresses[process]) as channel:
            wrong = {
                "none": "",
                "nonsense": "x.y.z",
                "another key": minted(whole_stack, mine, Role.ADMIN, key=new_key()),
                "expired": minted(whole_stack, mine, Role.ADMIN, seconds=-60),
            }
            for kind, token in wrong.items():
                assert (await outcome(channel, path, mine, token))[0] == "UNAUTHENTICATED", (path, kind)
            if rule.places:
                stranger = minted(whole_stack, other, Role.ADMIN)
                assert (await outcome(channel, path, mine, stranger))[0] == "NOT_FOUND", path
            if rule.role > Role.READER:
                less = minted(whole_stack, mine, Role(rule.role - 1))
                assert (await outcome(channel, path, mine, less))[0] == "PERMISSION_DENIED", path
            right = await outcome(channel, path, mine, minted(whole_stack, mine, rule.role))
            assert right[0] not in NOT_ALLOWED, (path, right)


@pytest.mark.parametrize("method", ["GetMovie", "GetBatch", "CancelMovie", "WatchMovie"])
async def test_what_is_anothers_is_told_of_in_the_words_of_what_is_not_there(
    whole_stack: LocalStack, method: str
) -> None:
    path, mine, other = f"/reelmill.v1.MovieService/{method}", "mine", "others"
    async with grpc.aio.insecure_channel(whole_stack.addresses["movies"]) as channel:
        token = minted(whole_stack, mine, Role.ADMIN)
        missing, hidden = [await outcome(channel, path, project, token) for project in (mine, other)]
    assert missing[0] == hidden[0] == "NOT_FOUND"
    assert missing[1].replace(mine, other) == hidden[1]


async def test_a_list_shows_the_callers_own_projects_alone(whole_stack: LocalStack) -> None:
    path = "/reelmill.v1.MovieService/ListMovies"
    async with grpc.aio.insecure_channel(whole_stack.addresses["movies"]) as channel:
        token = minted(whole_stack, "mine", Role.READER)
        assert await outcome(channel, path, "mine", token) == ("", "")
        assert (await outcome(channel, path, "demo", token))[0] == "NOT_FOUND"
