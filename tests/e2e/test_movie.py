"""Whole movies on the real stack, through both doors."""

import asyncio
import io
import json
import subprocess
import uuid
from base64 import b64decode
from pathlib import Path
from typing import Any

import httpx2
import nats
import numpy as np
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2
from PIL import Image

from reelmill.v1 import movies_pb2
from reelmill_kit.names import MovieName
from reelmill_local import LocalStack
from reelmill_world import without_article
from tests.support.gateway import SECRET, cloud_event, signed
from tests.support.movies import StackClient, wanted
from tests.support.servers import program

pytestmark = [pytest.mark.stack, pytest.mark.torch, pytest.mark.slow]


def buf_curl(stack: LocalStack, method: str, data: dict[str, object]) -> "subprocess.CompletedProcess[str]":
    """Calls MovieService with a client that is not ours and knows the API by reflection only."""
    url = f"http://{stack.addresses['movies']}/reelmill.v1.MovieService/{method}"
    command = [
        program("buf"),
        "curl",
        "--http2-prior-knowledge",
        "--protocol",
        "grpc",
        "-H",
        f"authorization: Bearer {stack.credentials.bearer()}",
        "-d",
        json.dumps(data),
        url,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def publish(stack: LocalStack, data: dict[str, object], event_id: str, project: str = "acme") -> None:
    """Asks for a movie as an upstream system does."""
    found = stack.environment
    connection = await nats.connect(found["REELMILL_NATS_URL"], nkeys_seed=found["REELMILL_NATS_NKEY_FILE"])
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": "https://upstream.example/catalogue",
        "ce-type": "movie.wanted",
        "content-type": "application/json",
    }
    await connection.jetstream().publish(
        f"reelmill.requests.{project}", json.dumps(data).encode(), headers=headers
    )
    await connection.close()


def made(client: StackClient, name: str) -> dict[str, object]:
    """All that a movie is, without its name and times."""
    script = client.document(f"{name}/script.json")
    questions = client.document(f"{name}/questions.json")["questions"]
    frames = [Image.open(io.BytesIO(client.read(key))).tobytes() for key in sorted(client.frames(name))]
    return {"script": script, "questions": questions, "frames": frames}


def assert_same_movie(one: dict[str, object], other: dict[str, object]) -> None:
    """Words are equal; pixels agree within 2/255, for a batch's size can change the last bit of a sum."""
    assert one["script"] == other["script"]
    assert one["questions"] == other["questions"]
    for a, b in zip(one["frames"], other["frames"], strict=True):  # type: ignore[call-overload]
        difference = np.abs(np.frombuffer(a, np.uint8).astype(int) - np.frombuffer(b, np.uint8).astype(int))
        assert difference.max() <= 2


async def test_a_movie_is_the_same_through_both_doors(whole_stack: LocalStack) -> None:
    client = StackClient(whole_stack)
    movie = json_format.MessageToDict(wanted())
    first = f"call-{uuid.uuid4()}"
    asked: dict[str, object] = {"parent": "projects/acme", "requestId": first, "movie": movie}
    answer = buf_curl(whole_stack, "CreateMovie", asked)
    assert answer.returncode == 0, answer.stderr
    by_call = json.loads(answer.stdout)["movie"]["name"]
    second = f"event-{uuid.uuid4()}"
    await publish(whole_stack, {"movie": movie}, second)
    by_event = str(MovieName.for_request("acme", second))
    await asyncio.sleep(1)
    ended = [await client.ended(by_call), await client.ended(by_event)]
    assert ended[0].style_name == ended[1].style_name
    assert_same_movie(made(client, by_call), made(client, by_event))


async def post(stack: LocalStack, data: dict[str, Any], event_id: str, project: str) -> str:
    """Asks by webhook, as another vendor's packages do. Returns the movie's name."""
    (Path(stack.environment["REELMILL_WEBHOOK_SECRETS"]) / project).write_text(SECRET)
    message = cloud_event(event_id, **data["movie"])
    url = f"http://{stack.addresses['gateway']}/v1/projects/{project}/events"
    async with httpx2.AsyncClient(timeout=30) as client:
        answer = await client.post(url, content=message.body, headers=signed(message))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["movie"])


async def test_the_same_request_through_every_door_twice_makes_one_movie(whole_stack: LocalStack) -> None:
    client = StackClient(whole_stack)
    movie, project, request = wanted(), f"p{uuid.uuid4().hex[:8]}", "once"
    names = await asyncio.gather(*(client.create(movie, request, project) for _ in range(5)))
    for _ in range(2):
        await publish(whole_stack, {"movie": json_format.MessageToDict(movie)}, request, project)
        names.append(await post(whole_stack, {"movie": json_format.MessageToDict(movie)}, request, project))
    await client.ended(names[0])
    assert len(set(names)) == 1
    listed = buf_curl(whole_stack, "ListMovies", {"parent": f"projects/{project}"})
    assert len(json.loads(listed.stdout)["movies"]) == 1


async def test_the_same_seed_gives_the_same_movie_whatever_else_is_drawn(whole_stack: LocalStack) -> None:
    client = StackClient(whole_stack)
    # Another project learns the style for itself, and other movies share its batches.
    alone = await client.create(wanted(), str(uuid.uuid4()), f"p{uuid.uuid4().hex[:8]}")
    await client.ended(alone)
    others = [await client.create(wanted(seed=n), str(uuid.uuid4()), "crowd") for n in range(2)]
    crowded = await client.create(wanted(), str(uuid.uuid4()), f"p{uuid.uuid4().hex[:8]}")
    for name in (*others, crowded):
        await client.ended(name)
    assert_same_movie(made(client, alone), made(client, crowded))


async def test_a_movie_of_sixty_frames_completes_with_every_file_in_its_manifest(
    whole_stack: LocalStack,
) -> None:
    client = StackClient(whole_stack)
    name = await client.create(wanted(chapters=3, scenes=4, frames=5), str(uuid.uuid4()))
    movie = await client.ended(name)
    assert [s.state for s in movie.stages] == [movies_pb2.StageStatus.STATE_DONE] * 5
    manifest = client.document(f"{name}/manifest.json")
    listed = {f"{name}/{file['path']}" for file in manifest["files"]}
    ours = set(client.objects(f"{name}/")) - {f"{name}/manifest.json", f"{name}/movie.json"}
    assert listed >= {key for key in ours if key.endswith((".png", ".jsonl"))}
    assert manifest["frames"] == 60
    story = client.document(f"{name}/exports/story.json")
    assert sum(kind == "frame" for kind, _ in story["img_diag"]) == 60
    lines = client.read(f"{name}/exports/ms_swift.jsonl").decode().splitlines()
    assert len(lines) == manifest["questions"]


async def test_a_story_json_becomes_a_movie_with_all_its_frames(whole_stack: LocalStack) -> None:
    """Seventeen frames: no product of three numbers, so the scenes differ by one."""
    client, key = StackClient(whole_stack), "projects/acme/stories/seventeen.json"
    hero = "a man looks like Ada Example in brown"
    story: list[tuple[str, str]] = []
    for number in range(17):
        place = "the harbour" if number < 9 else "the kitchen"
        verb = ("standing", "sitting", "walking")[number % 3]
        story.append(("frame", f"generate an image in noir style: In {place}, {hero} is {verb}, {number}."))
        story.append(("dialogue", f"This is line {number}."))
    content = {"character": {"Tom": hero}, "img_diag": story, "QA": [], "overview": "'Tom' is about Tom."}
    client.put(key, json.dumps(content).encode())
    asked = wanted(theme="", story_key=key)
    asked.ClearField("shape")
    name = await client.create(asked, str(uuid.uuid4()))
    movie = await client.ended(name)
    assert [s.state for s in movie.stages] == [movies_pb2.StageStatus.STATE_DONE] * 5
    assert movie.title == "Tom"
    assert len(client.frames(name)) == client.document(f"{name}/manifest.json")["frames"] == 17
    drawn = [client.document(key.replace(".png", ".json")) for key in sorted(client.frames(name))]
    assert all("looks like" not in frame["prompt"] and "Ada" not in frame["prompt"] for frame in drawn)
    assert client.document(f"{name}/questions.json")["questions"]
    # Its export is a story, too, and makes a movie of the same prompts and lines.
    again = wanted(theme="", story_key=f"{name}/exports/story.json")
    again.ClearField("shape")
    second = await client.create(again, str(uuid.uuid4()))
    await client.ended(second)
    one, other = (json.dumps(client.document(f"{n}/exports/story.json")["img_diag"]) for n in (name, second))
    assert one == other


async def test_movies_of_themes_and_lines_in_other_languages_are_whole(whole_stack: LocalStack) -> None:
    client, project = StackClient(whole_stack), f"p{uuid.uuid4().hex[:8]}"
    themes = ("一位灯塔看守人在雨夜里发现了一封信", "حارسة منارة تعثر في ليلة ممطرة على رسالة")
    names = [
        await client.create(wanted(theme=theme, chapters=1), str(uuid.uuid4()), project) for theme in themes
    ]
    lines = ("风暴是活的吗？", "العاصفة قادمة")
    story = [("frame", f"In the harbour, a tall woman in a blue coat is standing, {n}.") for n in range(2)]
    told = [part for frame, line in zip(story, lines, strict=True) for part in (frame, ("dialogue", line))]
    content = {"character": {"سارة": "a tall woman in a blue coat"}, "img_diag": told, "overview": themes[1]}
    key = f"projects/{project}/stories/other.json"
    client.put(key, json.dumps(content).encode())
    asked = wanted(theme=themes[0], story_key=key)
    asked.ClearField("shape")
    names.append(await client.create(asked, str(uuid.uuid4()), project))
    for name, theme in zip(names, (*themes, themes[0]), strict=True):
        assert (await client.ended(name)).theme == theme
        assert client.document(f"{name}/script.json")["theme"] == theme
        assert all(key.isascii() for key in client.objects(f"{name}/"))
    assert "سارة" in json.dumps(client.document(f"{names[2]}/captions.json"), ensure_ascii=False)
    subtitles = client.read(f"{names[2]}/exports/film.vtt").decode()
    assert [line in subtitles for line in lines] == [True, True]


async def test_characters_are_learned_when_the_movie_asks_for_it_and_reused_in_the_next(
    whole_stack: LocalStack,
) -> None:
    client, project = StackClient(whole_stack), f"p{uuid.uuid4().hex[:8]}"
    learned = wanted(chapters=1, character_identity=movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS)
    first = await client.create(learned, "first", project)
    movie = await client.ended(first)
    script = client.document(f"{first}/script.json")
    main = [one for one in script["characters"] if one["role"] == "ROLE_MAIN"]
    prompts = [frame["prompt"] for scene in script["chapters"][0]["scenes"] for frame in scene["frames"]]
    drawn = [client.document(key.replace(".png", ".json")) for key in sorted(client.frames(first))]
    for number, one in enumerate(main, 1):
        words, token = without_article(one["appearance"]), f"<character-{number}>"
        assert [token in frame["prompt"] for frame in drawn] == [words in prompt for prompt in prompts]
    assert any("<character-1>" in frame["prompt"] for frame in drawn)
    portraits = [key for key in client.objects(f"{movie.style_name}/") if "/portraits/" in key]
    assert len(portraits) == 10 * len(main)
    # Another movie of the same script, in the style that is there now: nothing is learned again.
    learned.learned_style = movie.style_name
    before = client.objects(f"{movie.style_name}/")
    second = await client.create(learned, "second", project)
    await client.ended(second)
    assert client.objects(f"{movie.style_name}/") == before
    assert_same_movie(made(client, first), made(client, second))


@pytest.mark.parametrize(
    ("method", "data", "field"),
    [
        ("CreateMovie", {"parent": "projects/acme", "movie": {"theme": ""}}, "movie.theme"),
        ("CreateMovie", {"parent": "projects/a/b", "movie": {"theme": "x"}}, "parent"),
        ("GetMovie", {"name": "projects/acme/movies/../../etc"}, "name"),
        ("ListMovies", {"parent": "projects/acme", "pageToken": "forged"}, "page_token"),
    ],
)
def test_a_stranger_is_told_which_field_is_wrong(
    whole_stack: LocalStack, method: str, data: dict[str, object], field: str
) -> None:
    answer = buf_curl(whole_stack, method, data)
    assert answer.returncode != 0
    error = json.loads(answer.stderr)
    assert error["code"] == "invalid_argument"
    details = {d["type"].rsplit("/")[-1]: b64decode(d["value"] + "==") for d in error["details"]}
    info = error_details_pb2.ErrorInfo.FromString(details["google.rpc.ErrorInfo"])
    bad = error_details_pb2.BadRequest.FromString(details["google.rpc.BadRequest"])
    assert (info.reason, info.domain) == ("INVALID_FIELD", "reelmill")
    assert [violation.field for violation in bad.field_violations] == [field]


def test_every_service_answers_to_reflection_and_health(whole_stack: LocalStack) -> None:
    names = ("movies", "script", "style", "render", "qa", "dataset")
    for name in names:
        base = f"http://{whole_stack.addresses[name]}"
        listed = subprocess.run(
            [program("buf"), "curl", "--http2-prior-knowledge", "--protocol", "grpc", "--list-methods", base],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert "reelmill.v1." in listed
        health = subprocess.run(
            [program("buf"), "curl", "--http2-prior-knowledge", "--protocol", "grpc", "-d", "{}",
             f"{base}/grpc.health.v1.Health/Check"],
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert json.loads(health)["status"] == "SERVING"


def test_the_lineage_of_a_frame_says_all_it_was_drawn_from(whole_stack: LocalStack) -> None:
    client = StackClient(whole_stack)
    found = [key for key in client.objects("projects/acme/") if key.endswith("/frames/000000.json")]
    lineage = client.document(found[0])
    for field in (
        "prompt",
        "seed",
        "steps",
        "guidanceScale",
        "modelDigest",
        "embeddingDigest",
        "inputDigest",
    ):
        assert lineage[field]
