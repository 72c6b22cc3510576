"""kubectl and helm, as a person would call them."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Failed(Exception):
    """A command or a check failed; the message says which and what it said."""


def run(*command: str, timeout: float = 600, check: bool = True, stdin: str | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, input=stdin, check=False)
    if check and done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def make_volume(namespace: str, name: str, claim: str, path: Path) -> None:
    """A folder of the node as a volume that waits for the claim."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)  # a folder of the node knows no fsGroup
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{name}"},
        "spec": {
            "capacity": {"storage": "50Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": claim},
            "hostPath": {"path": str(path), "type": "DirectoryOrCreate"},
        },
    }
    run("kubectl", "apply", "--filename", "-", stdin=json.dumps(volume))


class Kube:
    """One namespace of the cluster that KUBECONFIG names."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return run("kubectl", "--namespace", self.namespace, *arguments, stdin=stdin, check=check)

    def get(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", *arguments, "--output", "json"))
        return found

    def helm(self, *arguments: str, timeout: float = 900) -> str:
        return run("helm", *arguments, "--namespace", self.namespace, timeout=timeout)

    def pods(self, component: str = "") -> list[dict[str, Any]]:
        selector = "app.kubernetes.io/part-of=reelmill"
        selector += f",app.kubernetes.io/component={component}" if component else ""
        items: list[dict[str, Any]] = self.get("pods", "--selector", selector)["items"]
        return items

    def delete_pod(self, component: str) -> str:
        """Deletes a running pod at once, as a node that dies does; returns its name."""
        running = [pod for pod in self.pods(component) if pod["status"]["phase"] == "Running"]
        if not running:
            raise Failed(f"no pod of {component} is running")
        name = str(running[0]["metadata"]["name"])
        self.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false")
        return name

    def address(self, service: str, port: int) -> str:
        """Where a Service is reached; one without an address of its own, where its first pod is."""
        ip = self.get("service", service)["spec"]["clusterIP"]
        if ip == "None":
            ip = self.get("endpoints", service)["subsets"][0]["addresses"][0]["ip"]
        return f"{ip}:{port}"

    def secret(self, name: str, key: str) -> str:
        import base64

        return base64.b64decode(self.get("secret", name)["data"][key]).decode()


def wait(what: str, holds: Callable[[], bool], seconds: float) -> float:
    """Until it holds; returns after how many seconds. Raises Failed."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(1)
    return time.monotonic() - began
