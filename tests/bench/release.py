"""How a release grows: the time a frame takes and the memory that its maker needs, at 5 and at 20 features.

    make bench-release      (or: python -m tests.bench.release --small 2 --large 8 --rounds 1)

A feature has 11 x 11 x 11 = 1,331 frames. An S3 server (SeaweedFS) is filled with finished features: scripts
and questions of the offline writers, a picture and its lineage for each frame, exports, a film, the manifest.
`--stories` of them are made; the others are copies of these inside the store under other names, every object
their own. The pictures are made up: 192 pixels square, about 20 KB, no two in a feature alike. Films are
those that the features have, as releases take them where nobody asks for other times.

Then releases with every format are made, small and large ones in turn, each by a process of its own that does
nothing else; its peak of resident memory is the kernel's word.

The last line is one JSON object. `peak_rss_mb`: of the large release, the highest of all rounds;
`time_growth_ratio`: the time a frame takes in the large one over that in the small one, medians.
"""

import argparse
import asyncio
import hashlib
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
from google.protobuf import json_format
from PIL import Image
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from reelmill.v1 import dataset_pb2, qa_pb2, render_pb2, script_pb2
from reelmill_dataset.releases.stage import ReleaseStage
from reelmill_dataset.stage import DatasetStage, digest
from reelmill_kit.names import MovieName
from reelmill_kit.progress import silent
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local.stack import LocalStack
from reelmill_qa.stage import QaStage
from reelmill_script.domain import ScriptRequest
from reelmill_script.offline.writer import OfflineWriter

_SIDE, _AT_A_TIME = 192, 16
_PROJECT = "bench"


def settings(environment: dict[str, str]) -> ServiceSettings:
    return ServiceSettings(
        s3_endpoint=environment["REELMILL_S3_ENDPOINT"],
        s3_bucket=environment["REELMILL_S3_BUCKET"],
        s3_access_key=SecretStr(environment["REELMILL_S3_ACCESS_KEY"]),
        s3_secret_key=SecretStr(environment["REELMILL_S3_SECRET_KEY"]),
    )


def picture(index: int) -> bytes:
    """Soft colours with some grain, as drawings have."""
    rng = numpy.random.default_rng(index)
    coarse = rng.integers(0, 255, (6, 6, 3), dtype=numpy.uint8)
    smooth = Image.fromarray(coarse).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    soft = numpy.asarray(smooth, numpy.int16)
    grain = rng.integers(-1, 2, (_SIDE, _SIDE, 1), dtype=numpy.int16)
    buffer = io.BytesIO()
    Image.fromarray(numpy.clip(soft + grain, 0, 255).astype(numpy.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


class Features:
    """Finished features in the store, named f-00, f-01 and so on."""

    def __init__(self, store: S3Store, stories: int, shape: tuple[int, int, int], console: Console) -> None:
        self._store = store
        self._stories = stories
        self._shape = shape
        self._console = console
        chapters, scenes, frames = shape
        self._pictures = [picture(index) for index in range(chapters * scenes * frames)]

    async def make(self, count: int) -> None:
        for number in range(count):
            name = MovieName(_PROJECT, f"f-{number:02}")
            if number < self._stories:
                await self._texts(name, number)
                await self._frames(name)
                await DatasetStage(self._store).run(dataset_pb2.ExportMovieRequest(movie=str(name)), silent)
            else:
                await self._copied(MovieName(_PROJECT, f"f-{number % self._stories:02}"), name)
            self._console.print(f"feature {number + 1} of {count} is stored", style="dim")

    async def _texts(self, name: MovieName, story: int) -> None:
        chapters, scenes, frames = self._shape
        request = script_pb2.WriteScriptRequest(
            movie=str(name),
            theme="A lighthouse keeper finds a letter that was never sent",
            shape=script_pb2.ScriptShape(chapters=chapters, scenes=scenes, frames=frames),
            seed=story,
        )
        script = await OfflineWriter().write(ScriptRequest.parse(request), silent)
        await self._put(name.script_key, json_format.MessageToJson(script))
        await self._put(name.request_key, "{}")
        await self._put(f"{name}/script/lineage.json", "{}")
        await QaStage(self._store, None).run(qa_pb2.WriteQuestionsRequest(movie=str(name)), silent)

    async def _frames(self, name: MovieName) -> None:
        waiting = iter(enumerate(self._pictures))

        async def some() -> None:
            for index, image in waiting:
                lineage = render_pb2.KeyFrame(
                    index=index,
                    image_key=name.frame_key(index),
                    image_digest=hashlib.sha256(image).hexdigest(),
                    prompt="a tall woman with red hair in a blue coat, in the harbour, in <style> style",
                    seed=index,
                    width=_SIDE,
                    height=_SIDE,
                    steps=12,
                )
                await self._store.put(name.frame_key(index), image, "image/png")
                await self._put(name.lineage_key(index), json_format.MessageToJson(lineage))

        await asyncio.gather(*(some() for _ in range(_AT_A_TIME)))

    async def _copied(self, source: MovieName, name: MovieName) -> None:
        """A feature of the same pictures; what names the other is written anew, and listed so."""
        manifest = json_format.Parse(await self._store.get(source.manifest_key), dataset_pb2.Manifest())
        waiting = iter(manifest.files)

        async def some() -> None:
            for file in waiting:
                if file.content_type != "application/json":
                    await self._store.copy(f"{source.prefix}{file.path}", f"{name.prefix}{file.path}")
                    continue
                data = await self._store.get(f"{source.prefix}{file.path}")
                data = data.replace(str(source).encode(), str(name).encode())
                await self._store.put(f"{name.prefix}{file.path}", data, file.content_type)
                file.digest, file.size = hashlib.sha256(data).hexdigest(), len(data)

        await asyncio.gather(*(some() for _ in range(_AT_A_TIME)))
        manifest.movie, manifest.digest = str(name), digest(manifest.files)
        await self._put(name.manifest_key, json_format.MessageToJson(manifest))

    async def _put(self, key: str, text: str) -> None:
        await self._store.put(key, text.encode(), "application/json")


async def make_release(store: S3Store, count: int, release: str) -> None:
    """What the measured process does."""
    request = dataset_pb2.CreateReleaseRequest(
        parent=f"projects/{_PROJECT}",
        release_id=release,
        release=dataset_pb2.Release(
            movies=[str(MovieName(_PROJECT, f"f-{number:02}")) for number in range(count)]
        ),
    )
    began = time.perf_counter()
    made = await ReleaseStage(store).create(request, silent)
    measured = {
        "seconds": time.perf_counter() - began,
        "frames": made.frames,
        "files": made.files,
        "bytes": made.size,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(measured))


def measured(environment: dict[str, str], count: int, release: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.release", "--make", str(count), "--release", release]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr)
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--small", type=int, default=5, help="features of the small release")
    parser.add_argument("--large", type=int, default=20, help="features of the large release")
    parser.add_argument("--rounds", type=int, default=2, help="releases of each size; one small one more")
    parser.add_argument("--stories", type=int, default=4, help="features that are made, not copied")
    parser.add_argument("--shape", default="11x11x11", help="of a feature")
    parser.add_argument("--make", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--release", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        asyncio.run(make_release(S3Store(ServiceSettings()), options.make, options.release))
        return
    console = Console(stderr=True)
    chapters, scenes, frames = map(int, options.shape.split("x"))
    with (
        tempfile.TemporaryDirectory(prefix="reelmill-bench-") as folder,
        LocalStack(Path(folder), only=("s3",)) as stack,
    ):
        store = S3Store(settings(stack.environment))
        features = Features(store, options.stories, (chapters, scenes, frames), console)
        asyncio.run(features.make(options.large))
        results: dict[int, list[dict[str, float]]] = {options.small: [], options.large: []}
        order = [options.small, *[options.large, options.small] * options.rounds]
        for number, count in enumerate(order):
            result = measured(stack.environment, count, f"r-{number}")
            results[count].append(result)
            console.print(f"{count} features: {result['seconds']:.0f} s", style="dim")
            asyncio.run(store.delete_prefix(f"projects/{_PROJECT}/release-files/r-{number}/"))
    report(results, options.small, options.large)


def report(results: dict[int, list[dict[str, float]]], small: int, large: int) -> None:
    table = Table("features", "frames", "files", "GB", "seconds", "ms a frame", "peak MB", "rounds")
    a_frame: dict[int, float] = {}
    for count, rounds in results.items():
        seconds = statistics.median(one["seconds"] for one in rounds)
        a_frame[count] = seconds / rounds[0]["frames"]
        table.add_row(
            str(count),
            f"{rounds[0]['frames']:.0f}",
            f"{rounds[0]['files']:.0f}",
            f"{rounds[0]['bytes'] / 1e9:.2f}",
            f"{seconds:.1f}",
            f"{1000 * a_frame[count]:.2f}",
            f"{max(one['rss_mb'] for one in rounds):.0f}",
            str(len(rounds)),
        )
    Console().print(table)
    figures = {
        "peak_rss_mb": round(max(one["rss_mb"] for one in results[large]), 1),
        "time_growth_ratio": round(a_frame[large] / a_frame[small], 3),
        "small_peak_rss_mb": round(max(one["rss_mb"] for one in results[small]), 1),
        "ms_a_frame": round(1000 * a_frame[large], 2),
        "frames": results[large][0]["frames"],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
