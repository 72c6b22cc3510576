"""Exporting a movie: what is written, what is refused, and that a manifest never says more than is there."""

import hashlib
import io
import json

import av
import pytest
from google.protobuf import json_format

from reelmill.v1 import dataset_pb2, events_pb2
from reelmill_dataset.formats import ms_swift
from reelmill_dataset.service import DatasetJobs
from reelmill_dataset.stage import DatasetStage
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.progress import silent
from tests.unit.dataset import movies
from tests.unit.dataset.movies import MOVIE, finished_movie, picture, put_frame

FILM = dataset_pb2.EXPORT_FORMAT_FILM
STORY, SWIFT = dataset_pb2.EXPORT_FORMAT_STORY_JSON, dataset_pb2.EXPORT_FORMAT_MS_SWIFT


class RecordingStore(MemoryStore):
    """Remembers what was done in which order."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__()
        self.objects = dict(objects)
        self.done: list[tuple[str, str]] = []

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.done.append(("put", key.removeprefix(MOVIE.prefix)))
        await super().put(key, data, content_type)

    async def delete_prefix(self, prefix: str) -> None:
        self.done.append(("delete", prefix.removeprefix(MOVIE.prefix)))
        await super().delete_prefix(prefix)


async def export(store: MemoryStore, *formats: dataset_pb2.ExportFormat.ValueType) -> dataset_pb2.Manifest:
    request = dataset_pb2.ExportMovieRequest(movie=str(MOVIE), formats=formats)
    return await DatasetStage(store).run(request, silent)


async def refused(store: MemoryStore) -> ReelmillError:
    with pytest.raises(ReelmillError) as caught:
        await export(store)
    assert MOVIE.manifest_key not in store.objects
    return caught.value


async def test_the_manifest_lists_every_file_of_the_movie_with_its_checksum_and_size() -> None:
    store = await finished_movie()
    manifest = await export(store)
    listed = {file.path: (file.digest, file.size) for file in manifest.files}
    stored = {key.removeprefix(MOVIE.prefix): data for key, data in store.objects.items()}
    assert listed == {
        path: (hashlib.sha256(data).hexdigest(), len(data))
        for path, data in stored.items()
        if path not in ("movie.json", "manifest.json")
    }
    assert (manifest.frames, manifest.questions, len(manifest.files)) == (8, 5, 23)
    types = {file.path: file.content_type for file in manifest.files}
    assert (types["frames/000007.png"], types["exports/ms_swift.jsonl"]) == ("image/png", "application/jsonl")


async def test_the_manifests_digest_is_that_of_sha256sums_lines() -> None:
    manifest = await export(await finished_movie())
    lines = "".join(f"{f.digest}  {f.path}\n" for f in sorted(manifest.files, key=lambda f: f.path))
    assert manifest.digest == hashlib.sha256(lines.encode()).hexdigest()


async def test_the_story_json_has_the_authors_keys_and_order() -> None:
    store = await finished_movie()
    await export(store, STORY)
    story = json.loads(await store.get(MOVIE.export_key("story.json")))
    assert list(story) == ["character", "img_diag", "QA", "overview"]
    assert story["character"] == {"Mara": "a tall woman in a blue coat"}
    assert story["img_diag"][1:3] == [
        ["frame", "a tall woman in a blue coat standing, 1, in film noir style"],
        ["dialogue", "“Ça va?” 1"],
    ]
    assert [kind for kind, _ in story["img_diag"]].count("frame") == 8
    assert story["QA"][0] == {"Question": "What is it, 1?", "Answer": "It is 1."}
    assert story["overview"] == "Mara keeps the light."


async def test_a_questions_level_decides_which_frames_its_clip_has() -> None:
    store = await finished_movie()
    await export(store, SWIFT)
    data = (await store.get(MOVIE.export_key("ms_swift.jsonl"))).decode()
    rows = [json.loads(line) for line in data.splitlines()]
    clips = [[int(path[7:13]) for path in row["videos"][0]] for row in rows]
    assert clips == [list(range(8)), [4, 5, 6, 7], [2, 3], [3], [4, 5]]
    assert rows[0]["messages"] == [
        {"role": "user", "content": "<video>What is it, 1?"},
        {"role": "assistant", "content": "It is 1."},
    ]
    assert all(f"{MOVIE.prefix}{path}" in store.objects for row in rows for path in row["videos"][0])
    assert all(row["messages"][0]["content"].count("<video>") == len(row["videos"]) for row in rows)


def test_what_people_say_puts_no_media_marks_into_a_row() -> None:
    script, questions = movies.script(), movies.questions()
    for question in questions.questions:
        question.question, question.answer = "Who says <video>?", "<image> does"
    for line in ms_swift(script, questions).decode().splitlines():
        messages = json.loads(line)["messages"]
        assert [message["content"].count("<video>") for message in messages] == [1, 0]
        assert "<image>" not in line


async def test_a_question_that_a_line_proves_brings_the_lines_along() -> None:
    store = await finished_movie()
    await export(store, SWIFT)
    data = (await store.get(MOVIE.export_key("ms_swift.jsonl"))).decode()
    content = json.loads(data.splitlines()[4])["messages"][0]["content"]
    assert content == "<video>Subtitles:\nMara: “Ça va?” 5\n\nWhat is it, 5?"


async def test_the_manifest_is_written_last_and_an_old_one_goes_before_its_files_change() -> None:
    store = RecordingStore((await finished_movie()).objects)
    await export(store)
    assert store.done == [
        ("delete", "manifest.json"),
        ("put", "exports/story.json"),
        ("put", "exports/ms_swift.jsonl"),
        ("put", "exports/film.vtt"),
        ("put", "exports/film.mp4"),
        ("put", "manifest.json"),
    ]


async def test_exporting_again_changes_nothing() -> None:
    store = RecordingStore((await finished_movie()).objects)
    first = await export(store)
    before = dict(store.objects)
    store.done.clear()
    assert await export(store) == first
    assert store.done == []
    assert store.objects == before


async def test_a_lost_or_spoiled_export_file_is_written_again_with_the_same_bytes() -> None:
    store = await finished_movie()
    first = await export(store)
    whole = dict(store.objects)
    del store.objects[MOVIE.export_key("story.json")]
    store.objects[MOVIE.export_key("ms_swift.jsonl")] = b"{}"
    assert await export(store) == first
    assert store.objects == whole


async def test_a_frame_drawn_anew_makes_a_new_manifest() -> None:
    store = await finished_movie()
    first = await export(store)
    await put_frame(store, 3, picture(7))
    second = await export(store)
    assert second.digest != first.digest
    stored = json_format.Parse(store.objects[MOVIE.manifest_key], dataset_pb2.Manifest())
    assert stored == second


@pytest.mark.parametrize("path", ["script.json", "questions.json", "frames/000000.png", "frames/000007.json"])
async def test_what_is_missing_is_named(path: str) -> None:
    store = await finished_movie()
    del store.objects[MOVIE.prefix + path]
    error = await refused(store)
    assert error.reason is Reason.WRONG_STATE
    assert path in error.message
    assert error.metadata["missing"] == path


async def test_many_missing_frames_are_counted_rather_than_listed() -> None:
    store = await finished_movie()
    await store.delete_prefix(f"{MOVIE}/frames/")
    error = await refused(store)
    assert "frames/000004.json and 6 more missing" in error.message


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("frames/000002.png", b"\x89PNG cut off"),
        ("frames/000002.json", b'{"index": 2, "imageDigest": "00"}'),
        ("frames/000002.json", b"not json"),
        ("script.json", b'{"title": 3}'),
        ("questions.json", b'{"questions": [{"id": "q-0001", "evidence": [{"frame": 99}]}]}'),
    ],
)
async def test_what_is_spoiled_is_named_and_nothing_is_exported(path: str, content: bytes) -> None:
    store = await finished_movie()
    await export(store)
    await store.delete_prefix(MOVIE.manifest_key)
    store.objects[MOVIE.prefix + path] = content
    error = await refused(store)
    assert error.reason is Reason.WRONG_STATE
    assert error.metadata["missing"] in (path, "frames/000002.png")


async def test_one_format_can_be_asked_for_and_unknown_ones_are_refused() -> None:
    store = await finished_movie()
    manifest = await export(store, SWIFT)
    assert [f.path for f in manifest.files if f.path.startswith("exports/")] == ["exports/ms_swift.jsonl"]
    with pytest.raises(ReelmillError) as caught:
        await DatasetStage(store).run(
            dataset_pb2.ExportMovieRequest(
                movie=str(MOVIE), formats=[SWIFT, dataset_pb2.EXPORT_FORMAT_UNSPECIFIED]
            ),
            silent,
        )
    assert caught.value.metadata["field"] == "formats[1]"


async def test_a_job_exports_like_a_call_and_a_job_of_another_movie_is_refused() -> None:
    store = await finished_movie()
    request = dataset_pb2.ExportMovieRequest(movie=str(MOVIE))
    await DatasetJobs(DatasetStage(store))(events_pb2.StageJob(movie=str(MOVIE), dataset=request), silent)
    assert json_format.Parse(store.objects[MOVIE.manifest_key], dataset_pb2.Manifest()) == await export(store)
    with pytest.raises(ReelmillError) as caught:
        await DatasetJobs(DatasetStage(store))(
            events_pb2.StageJob(movie="projects/films/movies/other", dataset=request), silent
        )
    assert caught.value.metadata["field"] == "dataset.movie"


async def test_the_film_of_a_movie_lies_beside_its_subtitles() -> None:
    store = await finished_movie()
    await export(store, FILM)
    data = io.BytesIO(await store.get(MOVIE.export_key("film.mp4")))
    with av.open(data, "r") as film:
        assert film.streams.video[0].frames == 8
        assert film.duration == 16_000_000
    assert "<v Mara>“Ça va?” 1" in (await store.get(MOVIE.export_key("film.vtt"))).decode()
    assert store.content_types[MOVIE.export_key("film.mp4")] == "video/mp4"


async def test_a_film_is_made_again_only_where_its_frames_or_times_are_others() -> None:
    store = RecordingStore((await finished_movie()).objects)

    async def puts_film(seconds: float = 0) -> bool:
        store.done.clear()
        request = dataset_pb2.ExportMovieRequest(movie=str(MOVIE), seconds_per_frame=seconds)
        await DatasetStage(store).run(request, silent)
        return ("put", "exports/film.mp4") in store.done

    assert await puts_film()
    assert not await puts_film()
    assert await puts_film(seconds=3)
    await put_frame(store, 3, picture(9))
    assert await puts_film(seconds=3)
    del store.objects[MOVIE.export_key("film.mp4")]
    assert await puts_film(seconds=3)


async def test_a_frame_that_cannot_be_put_into_the_film_is_named() -> None:
    store = await finished_movie()
    await put_frame(store, 5, b"no picture at all")
    error = await refused(store)
    assert (error.reason, error.metadata["frame"]) == (Reason.WRONG_STATE, "5")


@pytest.mark.parametrize("seconds", [-1, 0.05, 61, float("nan")])
async def test_shots_that_nobody_could_watch_are_refused(seconds: float) -> None:
    request = dataset_pb2.ExportMovieRequest(movie=str(MOVIE), seconds_per_frame=seconds)
    with pytest.raises(ReelmillError) as caught:
        await DatasetStage(await finished_movie()).run(request, silent)
    assert (caught.value.reason, caught.value.metadata["field"]) == (
        Reason.INVALID_FIELD,
        "seconds_per_frame",
    )
