"""A release of real scripts, questions, films and pictures in a folder, as somebody has downloaded it."""

import asyncio
import hashlib
import io
from pathlib import Path

import pytest
from google.protobuf import json_format
from PIL import Image, ImageDraw

from reelmill.v1 import dataset_pb2, qa_pb2, render_pb2, script_pb2
from reelmill_dataset.releases.stage import ReleaseStage
from reelmill_dataset.stage import DatasetStage
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_qa.stage import QaStage
from reelmill_script.domain import ScriptRequest
from reelmill_script.offline.writer import OfflineWriter

THEMES = ("A lighthouse keeper adopts a storm", "Two sisters search for their father", "A robot bakes bread")
MOVIES = [MovieName("films", f"m-{number}") for number in (1, 3, 5)]  # one of them is for the test
CHAPTERS, SCENES, FRAMES = 2, 2, 4


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release in every format; its splits are train (two movies) and test (one)."""
    folder = tmp_path_factory.mktemp("release")
    asyncio.run(_make(folder))
    return folder


async def _make(folder: Path) -> None:
    store = MemoryStore()
    for number, name in enumerate(MOVIES):
        await _movie(store, name, THEMES[number], number)
    request = dataset_pb2.CreateReleaseRequest(
        parent="projects/films",
        release_id="films-v1.0",
        release=dataset_pb2.Release(movies=map(str, MOVIES), title="Films: first"),
    )
    made = await ReleaseStage(store).create(request, silent)
    prefix = made.uri.removeprefix("memory://")
    for key, data in store.objects.items():
        if key.startswith(prefix):
            path = folder / key.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


async def _movie(store: MemoryStore, name: MovieName, theme: str, seed: int) -> None:
    asked = script_pb2.WriteScriptRequest(
        movie=str(name),
        theme=theme,
        seed=seed,
        shape=script_pb2.ScriptShape(chapters=CHAPTERS, scenes=SCENES, frames=FRAMES),
    )
    script = await OfflineWriter().write(ScriptRequest.parse(asked), silent)
    await store.put(name.script_key, json_format.MessageToJson(script).encode(), "application/json")
    await QaStage(store, None).run(qa_pb2.WriteQuestionsRequest(movie=str(name), seed=seed), silent)
    for index in range(CHAPTERS * SCENES * FRAMES):
        image = picture(name.movie, index)
        lineage = render_pb2.KeyFrame(
            index=index, image_digest=hashlib.sha256(image).hexdigest(), seed=index, width=64, height=64
        )
        await store.put(name.frame_key(index), image, "image/png")
        data = json_format.MessageToJson(lineage).encode()
        await store.put(name.lineage_key(index), data, "application/json")
    await DatasetStage(store).run(dataset_pb2.ExportMovieRequest(movie=str(name)), silent)


def picture(movie: str, index: int) -> bytes:
    """Of a colour of its own, so that frames can be told apart."""
    image = Image.new("RGB", (64, 64), colour(movie, index))
    ImageDraw.Draw(image).ellipse((16, 16, 48, 48), fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def colour(movie: str, index: int) -> tuple[int, int, int]:
    red, green, blue = hashlib.sha256(f"{movie}/{index}".encode()).digest()[:3]
    return red, green, blue
