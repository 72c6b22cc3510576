"""What an operator does wrong, on a real Kubernetes: what is said, where one looks first, and that it mends.

python -m tests.cluster.mistakes            (make test-cluster runs it, too)
"""

import argparse
import base64
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tests.cluster.kube import Failed, Kube, make_volume, run, wait

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "reelmill"
RELEASE = "reelmill"
_VALUES = Path(__file__).with_name("values.yaml")
# Nothing that a case does not need.
_SMALL = [
    *(
        "nats.bundled.persistence=false",
        "s3.bundled.persistence=false",
        "autoscaling=none",
        "triton.replicas=0",
    ),
    *(f"services.{name}.replicas=0" for name in ("script", "style", "render", "qa", "dataset", "gateway")),
]
_MENDED = 240.0  # seconds


class Mistakes:
    def __init__(self, namespace: str, volumes: Path, console: Console) -> None:
        self.kube = Kube(namespace)
        self.namespace = namespace
        self._volumes = volumes
        self._console = console

    def say(self, what: str, where: str, words: str, seconds: float | None = None) -> None:
        mended = f"; by itself again {seconds:.0f} s after it was mended" if seconds is not None else ""
        text = f"{what}: {where} says: {words.strip()[:220]}{mended}"
        self._console.print(text, highlight=False, markup=False)

    def install(self, *sets: str, verb: str = "install") -> None:
        given = [part for value in (*_SMALL, *sets) for part in ("--set", value)]
        self.kube.helm(verb, RELEASE, str(CHART), "--values", str(_VALUES), *given)

    # The cases.

    def values_that_contradict(self) -> None:
        for sets, wanted in (
            (["s3.bundled.enabled=false"], "No object store"),
            (["s3.endpoint=http://minio:9000"], "Two object stores"),
            (["autoscaling=keda", "autoscaling=hpa"], "has no autoscaling/v2"),
            (["services.render.autoscaling.min=9"], "min 9 is more than max 8"),
            (["services.render.replicas=two"], "services.render.replicas"),
            (["renderer.replicas=2"], "renderer"),
        ):
            try:
                self.install(*sets)
            except Failed as error:
                if wanted not in str(error):
                    raise Failed(f"{sets}: helm says {error}, without {wanted!r}") from None
                self.say(", ".join(sets), "helm", str(error).rsplit("Error:", 1)[-1])
            else:
                raise Failed(f"helm installs with {sets}")
        if self.kube.pods():
            raise Failed("something was installed all the same")

    def a_missing_secret(self) -> None:
        self.install("nats.bundled.enabled=false", "nats.existingSecret=nats-login")
        wanted = 'secret "nats-login" not found'
        words = self.until_status("movies", wanted)
        # The bundled servers of another release stand for those of a company.
        self.kube.helm("install", "other", str(CHART), "--values", str(_VALUES), *_sets(_SMALL))
        self.kube.kubectl(
            "create", "secret", "generic", "nats-login", "--from-literal=url=nats://other-reelmill-nats:4222"
        )
        self.say("a missing secret", "the pod's status", words, self.until_ready("movies"))
        self.kube.helm("uninstall", "other", "--wait")
        self.kube.helm("uninstall", RELEASE, "--wait")

    def a_bucket_without_rights(self) -> None:
        make_volume(self.namespace, "s3", f"data-{RELEASE}-s3-0", self._volumes / "s3")
        self.install("s3.bundled.persistence=true")
        self.until_ready("movies")
        before = self.kube.secret(f"{RELEASE}-s3", "s3.json")
        reading = json.loads(before)
        for identity in reading["identities"]:
            identity["actions"] = ["Read", "List"]
        self.let_keys(json.dumps(reading))
        self.kube.kubectl("rollout", "restart", f"deployment/{RELEASE}-movies")
        words = self.until_log("movies", "AccessDenied")
        self.let_keys(before)
        self.say("a bucket without rights", "the log", words, self.until_ready("movies"))

    def an_image_that_cannot_be_pulled(self) -> None:
        self.install("s3.bundled.persistence=true", "image.tag=0.0.0-nowhere", verb="upgrade")
        words = self.until_status("movies", "0.0.0-nowhere")
        if not self.ready("movies"):
            raise Failed("the old pod went before the new one was ready")
        self.install("s3.bundled.persistence=true", verb="upgrade")
        seconds = wait("no pod waits for an image", lambda: len(self.kube.pods("movies")) == 1, _MENDED)
        self.until_ready("movies")
        self.say("an image that cannot be pulled", "the pod's status", words, seconds)
        self.kube.helm("uninstall", RELEASE, "--wait")

    def a_triton_without_the_model(self) -> None:
        folder = self._volumes / "weights"
        make_volume(self.namespace, "weights", "weights", folder)
        run("kubectl", "apply", "--filename", "-", stdin=_claim(self.namespace))
        self.install("weights.source=volume", "weights.claim=weights", "triton.replicas=1")
        words = self.until_log("triton", "/weights/model")
        for part in ("model", "judge"):
            shutil.copytree(_weights(part), folder / part, dirs_exist_ok=True)
        self.say("a Triton without the model", "the log", words, self.until_ready("triton"))
        self.kube.helm("uninstall", RELEASE, "--wait")

    # What one sees.

    def until_status(self, component: str, words: str) -> str:
        """Until the waiting message of one of its containers has these words; returns the message."""
        found = [""]

        def seen() -> bool:
            for pod in self.kube.pods(component):
                status = pod["status"]
                for one in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
                    waiting = one["state"].get("waiting", {})
                    text = f"{waiting.get('reason', '')}: {waiting.get('message', '')}"
                    if words in text:
                        found[0] = text
                        return True
            return False

        wait(f"the status of {component} says {words!r}", seen, _MENDED)
        return found[0]

    def until_log(self, component: str, words: str) -> str:
        """Until a line of its newest pod's log has these words; returns the line."""
        found = [""]

        def seen() -> bool:
            for pod in self.kube.pods(component):
                name = pod["metadata"]["name"]
                for previous in ([], ["--previous"]):
                    log = self.kube.kubectl("logs", name, "--all-containers", *previous, check=False)
                    for line in log.splitlines():
                        if words in line and re.search("not ready|[Ee]rror|no |not ", line):
                            found[0] = line
                            return True
            return False

        wait(f"the log of {component} says {words!r}", seen, _MENDED)
        return found[0]

    def ready(self, component: str) -> bool:
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for pod in self.kube.pods(component)
            if "deletionTimestamp" not in pod["metadata"]
            for condition in pod["status"].get("conditions", [])
        )

    def until_ready(self, component: str) -> float:
        return wait(f"{component} is ready", lambda: self.all_ready(component), _MENDED)

    def all_ready(self, component: str) -> bool:
        """Each of its pods, and none of an older generation is left."""
        status = self.kube.get("deployment", f"{RELEASE}-{component}")["status"]
        wanted = status.get("replicas", 0)
        return bool(wanted) and wanted == status.get("updatedReplicas") == status.get("readyReplicas")

    def let_keys(self, identities: str) -> None:
        """What the keys may do at the bundled SeaweedFS, its s3.json."""
        secret = f"{RELEASE}-s3"
        data = {"s3.json": base64.b64encode(identities.encode()).decode()}
        self.kube.kubectl("patch", "secret", secret, "--patch", json.dumps({"data": data}))
        self.kube.kubectl("delete", "pod", f"{RELEASE}-s3-0", "--wait")
        self.kube.kubectl("rollout", "status", f"statefulset/{RELEASE}-s3", "--timeout=120s")


def _sets(values: list[str]) -> list[str]:
    return [part for value in values for part in ("--set", value)]


def _weights(part: str) -> Path:
    return ROOT / "services" / "render" / "starter" / part


def _claim(namespace: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "weights", "namespace": namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "volumeName": f"{namespace}-weights",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )


def everything(namespace: str, volumes: Path, console: Console) -> None:
    """Raises Failed where something is not said, or does not mend."""
    run("kubectl", "create", "namespace", namespace)
    mistakes = Mistakes(namespace, volumes, console)
    cases: list[Callable[[], None]] = [
        mistakes.values_that_contradict,
        mistakes.a_missing_secret,
        mistakes.a_bucket_without_rights,
        mistakes.an_image_that_cannot_be_pulled,
        mistakes.a_triton_without_the_model,
    ]
    try:
        for case in cases:
            case()
    except Failed:
        console.print(mistakes.kube.kubectl("get", "pods", check=False), markup=False)
        raise
    finally:
        run("kubectl", "delete", "namespace", namespace, "--wait", check=False)
        for name in ("weights", "s3"):
            run("kubectl", "delete", "persistentvolume", f"{namespace}-{name}", check=False)
        shutil.rmtree(volumes, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--namespace", default="reelmill-mistakes")
    parser.add_argument(
        "--volumes", type=Path, default=Path("/var/tmp/reelmill-mistakes"), help="on the node"
    )
    options = parser.parse_args()
    console = Console(stderr=True)
    began = time.monotonic()
    try:
        everything(options.namespace, options.volumes, console)
    except Failed as error:
        console.print(f"failed: {error}", style="red", markup=False)
        raise SystemExit(1) from None
    console.print(f"all of it in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
