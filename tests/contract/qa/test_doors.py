"""QaService and DatasetService through gRPC, as another program calls them."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from reelmill.v1 import dataset_pb2, dataset_pb2_grpc, qa_pb2, qa_pb2_grpc
from reelmill_dataset.releases.stage import ReleaseStage
from reelmill_dataset.service import DatasetService
from reelmill_dataset.stage import DatasetStage
from reelmill_kit.grpc_server import GrpcServer, Servicer
from reelmill_kit.memory_store import MemoryStore
from reelmill_qa.service import QaService
from reelmill_qa.stage import QaStage
from tests.unit.dataset.movies import MOVIE, finished_movie
from tests.unit.qa.stories import lighthouse


@pytest.fixture
async def store() -> MemoryStore:
    return await finished_movie()


@pytest.fixture
async def channel(store: MemoryStore) -> AsyncIterator[grpc.aio.Channel]:
    servicers: list[Servicer] = [
        (
            qa_pb2_grpc.add_QaServiceServicer_to_server,
            QaService(QaStage(store, None)),
            "reelmill.v1.QaService",
        ),
        (
            dataset_pb2_grpc.add_DatasetServiceServicer_to_server,
            DatasetService(DatasetStage(store), ReleaseStage(store)),
            "reelmill.v1.DatasetService",
        ),
    ]
    server = GrpcServer(servicers)
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(0)


async def error_info(call: Any) -> tuple[grpc.StatusCode, error_details_pb2.ErrorInfo]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        [update async for update in call]
    trailers: Any = caught.value.trailing_metadata()
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(dict(trailers)["grpc-status-details-bin"]).details[0].Unpack(info)
    return caught.value.code(), info


async def test_questions_come_last_after_progress(channel: grpc.aio.Channel, store: MemoryStore) -> None:
    stub = qa_pb2_grpc.QaServiceStub(channel)
    request = qa_pb2.WriteQuestionsRequest(movie="projects/films/movies/m-9", script=lighthouse())
    updates = [update async for update in stub.WriteQuestions(request)]
    assert [update.WhichOneof("update") for update in updates[:-1]] == ["progress"] * (len(updates) - 1)
    assert len(updates[-1].questions.questions) > 20
    assert "projects/films/movies/m-9/questions.json" in store.objects


async def test_the_manifest_comes_last_after_the_frames_were_counted(channel: grpc.aio.Channel) -> None:
    stub = dataset_pb2_grpc.DatasetServiceStub(channel)
    updates = [u async for u in stub.ExportMovie(dataset_pb2.ExportMovieRequest(movie=str(MOVIE)))]
    assert updates[-1].manifest.frames == 8
    assert updates[-2].progress == updates[-2].progress.__class__(message="exported", done=8, total=8)


@pytest.mark.parametrize(
    "name", ["", "m-1", "projects/films", "projects/../movies/m", "projects/films/movies/" + "x" * 99]
)
async def test_a_name_that_is_none_is_refused_by_its_field(channel: grpc.aio.Channel, name: str) -> None:
    for call in (
        qa_pb2_grpc.QaServiceStub(channel).WriteQuestions(qa_pb2.WriteQuestionsRequest(movie=name)),
        dataset_pb2_grpc.DatasetServiceStub(channel).ExportMovie(dataset_pb2.ExportMovieRequest(movie=name)),
    ):
        code, info = await error_info(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert (info.reason, dict(info.metadata)) == ("INVALID_FIELD", {"field": "movie"})


async def test_a_movie_that_is_not_complete_is_a_failed_precondition(channel: grpc.aio.Channel) -> None:
    name = "projects/films/movies/m-none"
    for call in (
        qa_pb2_grpc.QaServiceStub(channel).WriteQuestions(qa_pb2.WriteQuestionsRequest(movie=name)),
        dataset_pb2_grpc.DatasetServiceStub(channel).ExportMovie(dataset_pb2.ExportMovieRequest(movie=name)),
    ):
        code, info = await error_info(call)
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert info.reason == "WRONG_STATE"
        assert "script" in info.metadata["missing"]
