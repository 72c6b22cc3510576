"""kubectl and helm, as a person would call them."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        """Where a Service is reached inside of the cluster."""
        ip = self.get("service", service)["spec"]["clusterIP"]
        return f"{ip}:{port}"

    @contextmanager
    def way_in(self, service: str, port: int) -> Iterator[str]:
        """The Service's address on this machine, for which its certificate holds; across its restarts."""
        ended = threading.Event()
        forwarding: list[subprocess.Popen[bytes]] = []
        command = ["kubectl", "--namespace", self.namespace, "port-forward", f"service/{service}", str(port)]

        def forward() -> None:
            while not ended.wait(0.5):
                forwarding[:] = [
                    subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                ]
                forwarding[0].wait()

        def answers() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port), 2).close()
            except OSError:
                return False
            return True

        thread = threading.Thread(target=forward, daemon=True)
        thread.start()
        try:
            wait(f"{service} is forwarded to port {port}", answers, 60)
            yield f"127.0.0.1:{port}"
        finally:
            ended.set()
            for process in forwarding:
                process.kill()
            thread.join(10)

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
