"""Releases: whole or not there at all, the same for the same request, and every file with its checksum."""

import hashlib
import json
import re
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask

from reelmill.v1 import dataset_pb2, qa_pb2
from reelmill_dataset.releases.request import ReleaseRequest
from reelmill_dataset.releases.stage import ReleaseStage
from reelmill_dataset.stage import DatasetStage
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from tests.unit.dataset import movies
from tests.unit.dataset.movies import MOVIE, finished_movie

NAMES = [MovieName("films", f"m-{n}") for n in range(1, 7)]
FORMATS = dataset_pb2.ExportFormat


async def films(count: int = 3) -> MemoryStore:
    """Finished movies m-1 .. of eight frames each, in one store."""
    store = MemoryStore()
    for name in NAMES[:count]:
        made = await finished_movie()
        for key, data in made.objects.items():
            await store.put(
                key.replace(str(MOVIE), str(name)), data.replace(b"films/movies/m-1", str(name).encode()), ""
            )
        await DatasetStage(store).run(dataset_pb2.ExportMovieRequest(movie=str(name)), silent)
    return store


def asked(count: int = 3, release_id: str = "films-v1.0", **fields: Any) -> dataset_pb2.CreateReleaseRequest:
    return dataset_pb2.CreateReleaseRequest(
        parent="projects/films",
        release_id=release_id,
        release=dataset_pb2.Release(movies=[str(name) for name in NAMES[:count]], **fields),
    )


async def released(
    store: MemoryStore, request: dataset_pb2.CreateReleaseRequest
) -> tuple[dataset_pb2.Release, str]:
    release = await ReleaseStage(store).create(request, silent)
    return release, release.uri.removeprefix("memory://")


async def refused(store: MemoryStore, request: dataset_pb2.CreateReleaseRequest) -> ReelmillError:
    before = {key for key in store.objects if key.startswith("projects/films/releases/")}
    with pytest.raises(ReelmillError) as caught:
        await ReleaseStage(store).create(request, silent)
    assert {key for key in store.objects if key.startswith("projects/films/releases/")} == before
    return caught.value


def sums(store: MemoryStore, prefix: str) -> dict[str, str]:
    lines = store.objects[f"{prefix}SHA256SUMS"].decode().splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


async def test_every_file_is_listed_with_its_checksum_and_nothing_else_is_left() -> None:
    store = await films()
    release, prefix = await released(store, asked())
    listed = sums(store, prefix)
    stored = {key.removeprefix(prefix): data for key, data in store.objects.items() if key.startswith(prefix)}
    assert listed == {
        path: hashlib.sha256(data).hexdigest() for path, data in stored.items() if path != "SHA256SUMS"
    }
    assert release.files == len(stored)
    assert release.size == sum(map(len, stored.values()))
    assert (release.frames, release.questions) == (24, 15)
    assert release.digest == hashlib.sha256(stored["SHA256SUMS"]).hexdigest()


async def test_the_same_request_returns_the_same_release_and_writes_nothing() -> None:
    store = await films()
    first, _ = await released(store, asked())
    before = dict(store.objects)
    assert (await released(store, asked()))[0] == first
    assert store.objects == before


async def test_a_name_that_is_taken_stays_what_it_is() -> None:
    store = await films()
    await released(store, asked())
    error = await refused(store, asked(count=2))
    assert error.reason is Reason.ALREADY_EXISTS
    assert error.metadata["release"] == "projects/films/releases/films-v1.0"


async def test_who_comes_second_at_the_same_moment_leaves_nothing_behind() -> None:
    store = await films()
    stage = ReleaseStage(store)

    class Slower(MemoryStore):
        """Lets another release come first, just before the record is written."""

        async def put_new(self, key: str, data: bytes, content_type: str) -> bool:
            self.objects = store.objects
            await stage.create(asked(), silent)
            return await super().put_new(key, data, content_type)

    slow = Slower()
    slow.objects = store.objects
    with pytest.raises(ReelmillError) as caught:
        await ReleaseStage(slow).create(asked(count=2), silent)
    assert caught.value.reason is Reason.ALREADY_EXISTS
    release = await stage.get("projects/films/releases/films-v1.0")
    files = {key for key in store.objects if "/release-files/" in key}
    assert files
    assert all(key.startswith(release.uri.removeprefix("memory://")) for key in files)


async def test_what_is_done_is_not_done_again_after_a_break() -> None:
    store = await films()
    copied: list[str] = []

    class Breaking(MemoryStore):
        breaks = True

        async def copy(self, source: str, target: str) -> None:
            copied.append(source)
            if self.breaks and "m-3" in source:
                raise ReelmillError(Reason.STORE_UNAVAILABLE, "gone")
            await super().copy(source, target)

    broken = Breaking()
    broken.objects = store.objects
    with pytest.raises(ReelmillError, match="gone"):
        await ReleaseStage(broken).create(asked(), silent)
    with pytest.raises(ReelmillError):
        await ReleaseStage(store).get("projects/films/releases/films-v1.0")
    copied.clear()
    broken.breaks = False
    release = await ReleaseStage(broken).create(asked(), silent)
    assert {source.split("/")[3] for source in copied} == {"m-3"}
    unbroken = await ReleaseStage(await films()).create(asked(), silent)
    assert unbroken.digest == release.digest


async def test_a_release_of_no_movie_is_refused() -> None:
    error = await refused(await films(), asked(count=0))
    assert (error.reason, error.metadata["field"]) == (Reason.INVALID_FIELD, "release.movies")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"release_id": "Films"}, "release_id"),
        ({"license": "x" * 61}, "release.license"),
        ({"splits": dataset_pb2.SplitOptions(validation_percent=60, test_percent=60)}, "release.splits"),
        ({"splits": dataset_pb2.SplitOptions(test_percent=1, train_only=True)}, "release.splits.train_only"),
        ({"video": dataset_pb2.VideoOptions(seconds_per_frame=99)}, "release.video.seconds_per_frame"),
        (
            {"video": dataset_pb2.VideoOptions(skip=True), "formats": [FORMATS.EXPORT_FORMAT_QWEN_VL]},
            "release.formats[0]",
        ),
        ({"formats": [99]}, "release.formats[0]"),
        ({"uri": "s3://mine"}, "release.uri"),
    ],
)
async def test_bad_input_names_its_field_and_starts_nothing(change: dict[str, Any], field: str) -> None:
    store = await films(1)
    before = dict(store.objects)
    error = await refused(store, asked(count=1, **change))
    assert (error.reason, error.metadata["field"]) == (Reason.INVALID_FIELD, field)
    assert store.objects == before


async def test_movies_of_another_project_are_refused() -> None:
    request = asked(1)
    request.release.movies.append("projects/others/movies/m-1")
    error = await refused(await films(1), request)
    assert (error.reason, error.metadata["field"]) == (Reason.INVALID_FIELD, "release.movies[1]")


async def test_an_unfinished_movie_is_named_and_nothing_is_made() -> None:
    store = await films()
    del store.objects[NAMES[1].manifest_key]
    before = dict(store.objects)
    error = await refused(store, asked())
    assert (error.reason, error.metadata["movie"]) == (Reason.WRONG_STATE, str(NAMES[1]))
    assert store.objects == before


async def test_a_frame_that_was_deleted_is_named_and_nothing_is_made() -> None:
    store = await films()
    del store.objects[NAMES[2].frame_key(5)]
    before = dict(store.objects)
    error = await refused(store, asked())
    assert (error.reason, error.metadata["movie"]) == (Reason.WRONG_STATE, str(NAMES[2]))
    assert (error.metadata["frame"], error.metadata["missing"]) == ("5", "frames/000005.png")
    assert "frames/000005.png" in error.message
    assert store.objects == before


async def test_a_frame_that_was_exchanged_is_named_and_nothing_is_published() -> None:
    store = await films()
    key = NAMES[0].frame_key(3)
    store.objects[key] = store.objects[key][:-1] + b"!"
    error = await refused(store, asked())
    assert (error.reason, error.metadata["frame"]) == (Reason.WRONG_STATE, "3")


def test_a_movie_stays_in_its_split_when_others_come() -> None:
    few = ReleaseRequest.parse(asked(2))
    many = ReleaseRequest.parse(asked(6, release_id="films-v2.0"))
    assert [few.split(name) for name in few.movies] == [many.split(name) for name in few.movies]


def test_splits_are_about_as_large_as_asked_for() -> None:
    request = ReleaseRequest.parse(asked(1))
    found = [request.split(MovieName("films", f"m-{n:016x}")) for n in range(4000)]
    assert 0.08 < found.count("test") / 4000 < 0.12
    assert 0.08 < found.count("validation") / 4000 < 0.12


async def test_files_that_went_or_changed_are_found() -> None:
    store = await films()
    release, prefix = await released(store, asked())
    stage = ReleaseStage(store)
    whole = await stage.verify(release.name, silent)
    assert (list(whole.missing), list(whole.changed), list(whole.unknown)) == ([], [], [])
    assert whole.files == release.files
    gone, changed = f"videos/{NAMES[0].movie}.mp4", "README.md"
    del store.objects[f"{prefix}{gone}"]
    store.objects[f"{prefix}{changed}"] += b"!"
    store.objects[f"{prefix}extra"] = b""
    found = await stage.verify(release.name, silent)
    assert (list(found.missing), list(found.changed), list(found.unknown)) == ([gone], [changed], ["extra"])


async def test_a_list_of_checksums_that_went_or_changed_is_found() -> None:
    store = await films(2)
    release, prefix = await released(store, asked(2))
    stage = ReleaseStage(store)
    store.objects[f"{prefix}SHA256SUMS"] = b"garbage\n"
    changed = await stage.verify(release.name, silent)
    assert (list(changed.missing), list(changed.changed)) == ([], ["SHA256SUMS"])
    assert changed.files == release.files
    del store.objects[f"{prefix}SHA256SUMS"]
    missing = await stage.verify(release.name, silent)
    assert (list(missing.missing), list(missing.changed)) == (["SHA256SUMS"], [])


async def test_a_maker_that_died_before_it_tidied_up_is_tidied_up_after() -> None:
    store = await films(2)
    release, prefix = await released(store, asked(2))
    await store.put(f"{prefix}.parts/m-1.json", b"{}", "application/json")
    assert (await released(store, asked(2)))[0] == release
    result = await ReleaseStage(store).verify(release.name, silent)
    assert not result.unknown


async def test_what_another_request_for_the_name_has_left_behind_goes_when_a_release_is_made() -> None:
    store = await films()
    whole = store.objects[NAMES[2].frame_key(5)]
    store.objects[NAMES[2].frame_key(5)] = whole[:-1] + b"!"
    await refused(store, asked(3))
    assert any("/release-files/" in key for key in store.objects)
    release, prefix = await released(store, asked(2))
    assert all(key.startswith(prefix) for key in store.objects if "/release-files/" in key)
    assert not any("/release-attempts/" in key for key in store.objects)
    await released(store, asked(1, release_id="films-v1.0.1"))
    result = await ReleaseStage(store).verify(release.name, silent)
    assert (list(result.missing), list(result.unknown)) == ([], [])


async def test_a_newer_maker_finds_the_release_that_is_there_and_goes_on_with_nothing_of_the_older(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = await films(2)
    release, _ = await released(store, asked(2))
    monkeypatch.setattr("reelmill_dataset.releases.request._MAKING", 99)
    assert (await released(store, asked(2)))[0] == release
    _, prefix = await released(store, asked(2, release_id="films-v2.0"))
    assert prefix.rstrip("/").rpartition("/")[2] != release.uri.rstrip("/").rpartition("/")[2]


async def test_releases_are_listed_newest_first_page_by_page() -> None:
    store = await films(2)
    for number in range(3):
        await released(store, asked(1, release_id=f"v{number}"))
    stage = ReleaseStage(store)
    request = dataset_pb2.ListReleasesRequest(parent="projects/films", page_size=2)
    first = await stage.list(request)
    request.page_token = first.next_page_token
    second = await stage.list(request)
    names = [release.name.rsplit("/", 1)[-1] for release in [*first.releases, *second.releases]]
    assert names == ["v2", "v1", "v0"]
    assert not second.next_page_token


async def test_releases_can_be_filtered_and_masked() -> None:
    store = await films(2)
    for number in range(3):
        await released(store, asked(1 + number % 2, release_id=f"v{number}"))
    request = dataset_pb2.ListReleasesRequest(
        parent="projects/films", filter='name = "*v1"', read_mask=FieldMask(paths=["name"])
    )
    page = await ReleaseStage(store).list(request)
    assert list(page.releases) == [dataset_pb2.Release(name="projects/films/releases/v1")]
    request.filter = "colour = red"
    with pytest.raises(ReelmillError, match="filter"):
        await ReleaseStage(store).list(request)


async def test_a_release_whose_record_cannot_be_read_is_named_and_the_others_are_listed() -> None:
    store = await films(1)
    for release_id in ("v0", "v1"):
        await released(store, asked(1, release_id=release_id))
    (record,) = (key for key in store.objects if key.endswith("releases/v0.json"))
    store.objects[record] = b"{"
    stage = ReleaseStage(store)
    page = await stage.list(dataset_pb2.ListReleasesRequest(parent="projects/films"))
    assert [release.name for release in page.releases] == ["projects/films/releases/v1"]
    assert list(page.unreachable) == ["projects/films/releases/v0"]
    with pytest.raises(ReelmillError, match="cannot be read"):
        await stage.get("projects/films/releases/v0")


async def test_a_card_says_english_only_where_the_writers_are_known_to_write_it() -> None:
    for writer, english in (("offline", True), ("gpt", False)):
        store = await films(1)
        script, questions = movies.script(), movies.questions()
        script.writer = questions.writer = writer
        questions.movie = str(NAMES[0])
        await store.put(NAMES[0].script_key, json_format.MessageToJson(script).encode(), "")
        await store.put(NAMES[0].questions_key, json_format.MessageToJson(questions).encode(), "")
        await DatasetStage(store).run(dataset_pb2.ExportMovieRequest(movie=str(NAMES[0])), silent)
        _, prefix = await released(store, asked(1))
        assert ("language: [en]" in store.objects[f"{prefix}README.md"].decode()) is english


async def test_a_release_outlives_its_movies() -> None:
    store = await films()
    release, _ = await released(store, asked())
    for name in NAMES:
        await store.delete_prefix(name.prefix)
    result = await ReleaseStage(store).verify(release.name, silent)
    assert not result.missing
    assert not result.changed


async def test_the_card_tells_numbers_licence_and_the_blind_test() -> None:
    store = await films(2)
    for name in NAMES[:2]:
        questions = movies.questions()
        questions.movie = str(name)
        questions.blind_test.trials.add(
            view=qa_pb2.BlindTest.Trial.VIEW_CHOICES, asked=10, right=4, chance=2, kept_asked=8, kept_right=2
        )
        await store.put(name.questions_key, json_format.MessageToJson(questions).encode(), "")
        script = movies.script()
        script.prompts.add(name="script/outline", version="v3", digest="ab12")
        await store.put(name.script_key, json_format.MessageToJson(script).encode(), "")
        await DatasetStage(store).run(dataset_pb2.ExportMovieRequest(movie=str(name)), silent)
    _, prefix = await released(store, asked(2, title="Films: “one”", license="CC0-1.0"))
    card = store.objects[f"{prefix}README.md"].decode()
    assert card.startswith('---\npretty_name: "Films: ')
    assert "license: cc0-1.0" in card
    assert "2 movies of 16 key frames" in card
    assert "| the choices too | 8 | 20 | 4 | 4 | 16 |" in card
    assert "film noir (2)" in card
    assert "| prompt script/outline v3 sha256:ab12 | 2 movies |" in card
    for plot in re.findall(r"!\[.*\]\((.*)\)", card):
        assert store.objects[f"{prefix}{plot}"].startswith(b"<svg")
        assert plot in sums(store, prefix)
    assert "(plots/blind-test.svg)" in card


async def test_lineage_has_a_row_for_every_frame() -> None:
    store = await films(2)
    _, prefix = await released(store, asked(2, splits=dataset_pb2.SplitOptions(train_only=True)))
    rows = [json.loads(line) for line in store.objects[f"{prefix}lineage/train.jsonl"].splitlines()]
    assert [(row["movie"], row.get("index", 0)) for row in rows] == [
        (name.movie, index) for name in NAMES[:2] for index in range(8)
    ]
    listed = sums(store, prefix)
    for row in rows:
        assert row["imageDigest"] == listed[f"frames/train/{row['movie']}/{row.get('index', 0):06d}.png"]
