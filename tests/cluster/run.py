"""Installs the chart on a real Kubernetes and shows that it does what it says.

    make test-cluster           (or: python -m tests.cluster.run --values my.yaml --keep)

Needs KUBECONFIG, helm, kubectl, images that the cluster has (`make images`), and Services that
can be reached from here. Makes a namespace and two volumes on the node, and removes them at the end.

Installs with tokens, TLS, client certificates and users of NATS, runs `helm test`, lets strangers try, makes
movies of 27 frames: by gRPC from outside the cluster, by event, while a render pod, a Triton pod and the NATS
pod are deleted, and across an upgrade; compares every file with the manifest. A frame that is stored when a
pod goes may not be stored again. Where the cluster has KEDA's and Prometheus Operator's definitions, the
chart's objects of these kinds are compared with them. Then makes what operators do wrong
(tests/cluster/mistakes.py). The last line is one JSON object with seconds and memory.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import urllib3
import yaml  # type: ignore[import-untyped]
from minio import Minio
from rich.console import Console

from reelmill.client import ArtefactStore, Credentials, Movie, MovieClient
from reelmill.v1 import common_pb2, script_pb2
from tests.cluster import mistakes, security
from tests.cluster.kube import Failed, Kube, make_volume, run, wait

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "reelmill"
RELEASE = "reelmill"
_EVENT = ROOT / "deploy" / "examples" / "request_by_event.py"
_DEFINITIONS = {
    "scaledobjects.keda.sh": "ScaledObject",
    "servicemonitors.monitoring.coreos.com": "ServiceMonitor",
    "prometheusrules.monitoring.coreos.com": "PrometheusRule",
}
_VERSIONS = (
    "keda.sh/v1alpha1/ScaledObject",
    "monitoring.coreos.com/v1/ServiceMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
)
Stored: TypeAlias = tuple[datetime | None, str | None]


class Trial:
    def __init__(self, namespace: str, values: list[str], volumes: Path, console: Console) -> None:
        self.kube = Kube(namespace)
        self.namespace = namespace
        self._values = values
        self._volumes = volumes
        self._console = console
        self.figures: dict[str, float] = {}
        self.security = security.Security(self.kube, RELEASE)
        # Ways in, while they are open: to the front door, to NATS and to the store.
        self.server = self.nats = self.s3 = ""
        self.credentials: Credentials | None = None

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False)

    # Installing.

    def make_room(self) -> None:
        run("kubectl", "create", "namespace", self.namespace)
        for part in ("nats", "s3"):
            path = self._volumes / part
            claim = f"data-{RELEASE}-{part}-0"
            make_volume(self.namespace, part, claim, path)
        self.security.prepare()

    def install(self) -> None:
        began = time.monotonic()
        self.kube.helm(
            "install", RELEASE, str(CHART), *self._options(), "--wait", "--timeout", "15m", timeout=960
        )
        self.figures["install_seconds"] = round(time.monotonic() - began, 1)
        self.say(f"installed and ready in {self.figures['install_seconds']} s")

    def helm_test(self) -> None:
        began = time.monotonic()
        told = self.kube.helm("test", RELEASE, "--logs", "--timeout", "10m")
        self.figures["helm_test_seconds"] = round(time.monotonic() - began, 1)
        line = next((line for line in told.splitlines() if "as the manifest says" in line), "")
        self.say(f"helm test: {line or 'passed'}")

    def upgrade(self, *more: str) -> None:
        self.kube.helm("upgrade", RELEASE, str(CHART), *self._options(), *more, "--wait", "--timeout", "15m")

    def rollback(self) -> None:
        self.kube.helm("rollback", RELEASE, "--wait", "--timeout", "15m")

    def _options(self) -> list[str]:
        files = [option for file in self._values for option in ("--values", file)]
        return [*files, *(option for value in security.VALUES for option in ("--set", value))]

    def definitions(self) -> None:
        """What the chart makes for KEDA and Prometheus Operator is what their definitions want."""
        known = run("kubectl", "api-resources", "--output", "name").split()
        if missing := [name for name in _DEFINITIONS if name not in known]:
            self.say(f"not compared, for the cluster lacks their definitions: {', '.join(missing)}")
            return
        asked = ["autoscaling=keda", "monitoring.serviceMonitors=on", "monitoring.rules=on"]
        text = self.kube.helm(
            *("template", RELEASE, str(CHART), *self._options()),
            *(part for value in asked for part in ("--set", value)),
            *(part for version in _VERSIONS for part in ("--api-versions", version)),
        )
        objects = [one for one in yaml.safe_load_all(text) if one and one["kind"] in _DEFINITIONS.values()]
        for one in objects:
            self.kube.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=json.dumps(one))
        kinds = Counter(one["kind"] for one in objects)
        if set(kinds) != set(_DEFINITIONS.values()):
            raise Failed(f"the chart has rendered only {dict(kinds)}")
        self.say(f"accepted by their definitions: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}")
        self.figures["custom_resources_accepted"] = len(objects)

    async def strangers(self) -> None:
        told = await self.security.refuse_strangers(
            self.server, self.kube.address(f"{RELEASE}-script", 50051)
        )
        told += await self.security.refuse_strangers_at_nats(self.nats)
        self.say("strangers are refused: " + "; ".join(told))
        self.figures["strangers_refused"] = len(told)

    # Movies.

    def client(self) -> MovieClient:
        return MovieClient(self.server, credentials=self.credentials)

    def store(self) -> ArtefactStore:
        secret = f"{RELEASE}-s3"
        return ArtefactStore(
            f"https://{self.s3}",
            self.kube.secret(secret, "access-key"),
            self.kube.secret(secret, "secret-key"),
            ca=str(self.security.ca),
        )

    async def make(self, theme: str, meanwhile: Callable[[int], None] | None = None, name: str = "") -> Movie:
        """A movie of 27 frames, to its end. `meanwhile` is called in a thread when frames have been drawn.

        Raises Failed where a frame that was stored then has been stored again. `name`: of its figures.
        """
        wanted = Movie(theme=theme, shape=script_pb2.ScriptShape(chapters=3, scenes=3, frames=3))
        disturbed: asyncio.Task[None] | None = None
        stored: dict[str, Stored] = {}

        def disturb(drawn: int) -> None:
            stored.update(self.stored_frames(begun.name))
            if meanwhile is not None:
                meanwhile(drawn)

        began = time.monotonic()
        async with self.client() as client:
            movie = begun = await client.create("cluster", wanted)
            async for movie in client.watch(begun.name):
                drawn = _drawn(movie)
                if disturbed is None and drawn >= 3:
                    disturbed = asyncio.create_task(asyncio.to_thread(disturb, drawn))
        if disturbed is not None:
            await disturbed
        if movie.state != Movie.STATE_SUCCEEDED:
            raise Failed(f"{movie.name}: {movie.failure.reason} {movie.failure.message}")
        seconds = time.monotonic() - began
        await self.check(movie, 27)
        now = self.stored_frames(movie.name)
        if again := [key for key, one in stored.items() if now[key] != one]:
            raise Failed(f"{movie.name}: stored a second time: {', '.join(again)}")
        kept = f", the {len(stored)} stored by then were not drawn again" if meanwhile is not None else ""
        self.say(f"{movie.name}: {movie.title}, 27 frames, {seconds:.0f} s{kept}")
        self.figures[f"{name or 'movie'}_seconds"] = round(seconds, 1)
        if meanwhile is not None:
            self.figures[f"{name}_frames_before"] = len(stored)
        return movie

    def stored_frames(self, movie: str) -> dict[str, Stored]:
        """When each frame was stored, and its ETag, by key."""
        secret = f"{RELEASE}-s3"
        client = Minio(
            endpoint=self.s3,
            access_key=self.kube.secret(secret, "access-key"),
            secret_key=self.kube.secret(secret, "secret-key"),
            http_client=urllib3.PoolManager(ca_certs=str(self.security.ca)),
        )
        found = client.list_objects("reelmill", prefix=f"{movie}/frames/", recursive=True)
        return {o.object_name: (o.last_modified, o.etag) for o in found if o.object_name.endswith(".png")}

    async def check(self, movie: Movie, frames: int) -> None:
        """Every file is what the manifest says; each frame is there once, with its own lineage."""
        with tempfile.TemporaryDirectory() as folder:
            files = await self.store().download(movie.artefacts_uri, Path(folder))
            pictures = sorted(file.name for file in files if re.fullmatch(r"\d{6}\.png", file.name))
            if pictures != [f"{index:06d}.png" for index in range(frames)]:
                raise Failed(f"{movie.name} has the pictures {pictures}")
            for file in files:
                if re.fullmatch(r"\d{6}\.json", file.name):
                    lineage = json.loads(file.read_text())
                    if int(lineage.get("index", 0)) != int(file.stem):
                        raise Failed(f"{movie.name}: {file.name} is the lineage of another frame")

    async def by_event(self) -> None:
        event = f"cluster-{time.time_ns()}"
        seed = self.security.seed("publisher_demo")
        run(
            "env",
            f"NATS_URL={self.nats}",
            f"NATS_SEED={seed}",
            f"NATS_CA={self.security.ca}",
            sys.executable,
            str(_EVENT),
            "Two bakers save a theatre",
            event,
        )
        async with self.client() as client:
            deadline = time.monotonic() + 600
            while time.monotonic() < deadline:
                movies, _ = await client.page("demo")
                if movies and movies[0].state == Movie.STATE_SUCCEEDED:
                    await self.check(movies[0], 8)
                    self.say(f"by event: {movies[0].name}, 8 frames")
                    return
                await asyncio.sleep(2)
        raise Failed("the movie that an event asked for was not made within 600 s")

    # What it takes.

    def memory(self) -> float:
        """MB of all pods' containers together, as the node counts them."""
        summary = json.loads(run("kubectl", "get", "--raw", "/api/v1/nodes/node1/proxy/stats/summary"))
        ours = [pod for pod in summary["pods"] if pod["podRef"]["namespace"] == self.namespace]
        used = [c["memory"].get("workingSetBytes", 0) for pod in ours for c in pod.get("containers", [])]
        return float(round(sum(used) / 1e6, 1))


async def everything(trial: Trial, *, installed: bool) -> None:
    if not installed:
        trial.make_room()
        trial.install()
    trial.definitions()
    trial.helm_test()
    trial.credentials = trial.security.credentials(trial.security.token("cluster", "cluster", "demo"))
    way_in = trial.kube.way_in
    with (
        way_in(f"{RELEASE}-movies", 50051) as trial.server,
        way_in(f"{RELEASE}-nats", 4222) as nats,
        way_in(f"{RELEASE}-s3", 8333) as trial.s3,
    ):
        trial.nats = f"tls://{nats}"
        await movies(trial)


async def movies(trial: Trial) -> None:
    await trial.strangers()
    await asyncio.sleep(15)
    trial.figures["idle_memory_mb"] = trial.memory()
    await trial.make("A lighthouse keeper adopts a storm")
    trial.figures["movie_memory_mb"] = trial.memory()
    await trial.by_event()

    for component in ("render", "triton", "nats"):

        def delete(done: int, component: str = component) -> None:
            name = trial.kube.delete_pod(component)
            trial.say(f"after {done} frames: deleted {name}")

        await trial.make(f"A clockmaker loses the {component} hour", delete, f"{component}_deleted")
        wait(f"{component} is ready again", lambda c=component: _ready(trial.kube, c), 300)  # type: ignore[misc]

    def upgrade(done: int) -> None:
        trial.say(f"after {done} frames: helm upgrade")
        trial.upgrade("--set", "commonAnnotations.upgraded=yes")

    await trial.make("Two gardeners change a season", upgrade, "upgrade")
    trial.rollback()
    await trial.make("A ferry pilot rolls back the tide", name="after_rollback")
    trial.figures["used_memory_mb"] = trial.memory()


def _drawn(movie: Movie) -> int:
    return next((stage.progress.done for stage in movie.stages if stage.stage == common_pb2.STAGE_RENDER), 0)


def _ready(kube: Kube, component: str) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for pod in kube.pods(component)
        for condition in pod["status"].get("conditions", [])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--namespace", default="reelmill-test")
    parser.add_argument("--values", action="append", default=[], help="more values for the chart")
    parser.add_argument("--volumes", type=Path, default=Path("/var/tmp/reelmill-cluster"), help="on the node")
    parser.add_argument("--installed", action="store_true", help="take what an earlier run has kept")
    parser.add_argument("--keep", action="store_true", help="leave it installed at the end")
    parser.add_argument("--without-mistakes", action="store_true", help="leave out what operators do wrong")
    options = parser.parse_args()
    console = Console(stderr=True)
    values = [str(Path(__file__).with_name("values.yaml")), *options.values]
    trial = Trial(options.namespace, values, options.volumes, console)
    try:
        asyncio.run(everything(trial, installed=options.installed))
        if not options.without_mistakes and not options.keep:
            clear(trial, options.volumes)  # a small node has no room for two Tritons
            mistakes.everything(f"{options.namespace}-mistakes", options.volumes / "mistakes", console)
    except Failed as error:
        console.print(f"failed: {error}", style="red", markup=False)
        console.print(trial.kube.kubectl("get", "pods", check=False), markup=False)
        raise SystemExit(1) from None
    finally:
        if not options.keep:
            clear(trial, options.volumes)
    figures: dict[str, Any] = trial.figures
    print(json.dumps(figures))


def clear(trial: Trial, volumes: Path) -> None:
    import shutil

    run("helm", "uninstall", RELEASE, "--namespace", trial.namespace, "--wait", check=False)
    run("kubectl", "delete", "namespace", trial.namespace, "--wait", check=False)
    for part in ("nats", "s3"):
        run("kubectl", "delete", "persistentvolume", f"{trial.namespace}-{part}", check=False)
    shutil.rmtree(volumes, ignore_errors=True)


if __name__ == "__main__":
    main()
