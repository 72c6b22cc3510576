"""A small finished movie in a store: script, questions and frames with their lineage."""

import hashlib
import io

from google.protobuf import json_format
from PIL import Image

from reelmill.v1 import qa_pb2, render_pb2, script_pb2
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName

MOVIE = MovieName("films", "m-1")
Question = qa_pb2.Question


def script() -> script_pb2.Script:
    """Two chapters of two scenes of two frames; somebody speaks in frames 1 and 5."""
    written = script_pb2.Script(
        title="The Lamp",
        overview="Mara keeps the light.",
        style=script_pb2.StyleText(keyword="film noir"),
        characters=[script_pb2.Character(name="Mara", appearance="a tall woman in a blue coat")],
    )
    number = 0
    for c in range(2):
        chapter = written.chapters.add(index=c, title=f"Chapter {c}")
        for s in range(2):
            scene = chapter.scenes.add(index=s, title=f"Scene {s}")
            for _ in range(2):
                frame = scene.frames.add(
                    index=number,
                    description=f"Mara stands there, {number}.",
                    prompt=f"a tall woman in a blue coat standing, {number}, in <style> style",
                )
                if number % 4 == 1:
                    frame.dialogue.add(speaker="Mara", text=f"“Ça va?” {number}")
                number += 1
    return written


def question(number: int, level: Question.Level.ValueType, evidence: dict[int, list[int]]) -> Question:
    return Question(
        id=f"q-{number:04d}",
        question=f"What is it, {number}?",
        answer=f"It is {number}.",
        level=level,
        kind=Question.KIND_PLOT,
        evidence=[qa_pb2.Evidence(frame=frame, lines=lines) for frame, lines in evidence.items()],
    )


def questions() -> qa_pb2.QuestionSet:
    return qa_pb2.QuestionSet(
        movie=str(MOVIE),
        questions=[
            question(1, Question.LEVEL_MOVIE, {0: [], 7: []}),
            question(2, Question.LEVEL_CHAPTER, {4: [], 6: []}),
            question(3, Question.LEVEL_SCENE, {2: []}),
            question(4, Question.LEVEL_FRAME, {3: []}),
            question(5, Question.LEVEL_SCENE, {5: [0]}),
        ],
    )


def picture(index: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (index * 30, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


async def finished_movie() -> MemoryStore:
    store = MemoryStore()
    await store.put(MOVIE.script_key, json_format.MessageToJson(script()).encode(), "application/json")
    await store.put(MOVIE.questions_key, json_format.MessageToJson(questions()).encode(), "application/json")
    await store.put(MOVIE.request_key, b"{}", "application/json")
    await store.put(f"{MOVIE}/script/lineage.json", b"{}", "application/json")
    for index in range(8):
        await put_frame(store, index)
    return store


async def put_frame(store: MemoryStore, index: int, image: bytes | None = None) -> None:
    image = image or picture(index)
    lineage = render_pb2.KeyFrame(
        index=index, image_key=MOVIE.frame_key(index), image_digest=hashlib.sha256(image).hexdigest()
    )
    await store.put(MOVIE.frame_key(index), image, "image/png")
    await store.put(MOVIE.lineage_key(index), json_format.MessageToJson(lineage).encode(), "application/json")
