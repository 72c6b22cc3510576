"""The chart, rendered by helm."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "reelmill"
HELM = ROOT / ".venv" / "chart" / "bin" / "helm"
VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
HPA = ["autoscaling/v2/HorizontalPodAutoscaler"]
KEDA = ["keda.sh/v1alpha1/ScaledObject"]
OPERATOR = ["monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule"]
EXTERNAL_S3 = "s3.bundled.enabled=false,s3.endpoint=https://minio.example:9000,s3.existingSecret=s3-keys"
EXTERNAL_NATS = (
    "nats.bundled.enabled=false,nats.url=nats://nats.example:4222,nats.monitoring=nats.example:8222"
)
AUTH = "auth.enabled=true,auth.issuer=https://id.example,auth.serviceTokenSecret=services"
AUTH_BY_ADDRESS = f"{AUTH},auth.jwksUrl=https://id.example:8443/keys"


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM), *arguments], capture_output=True, text=True, check=False)


def template(*sets: str, version: str = "1.33", apis: list[str] | None = None) -> str:
    given = [argument for one in sets if one for argument in ("--set", one)]
    for api in HPA + KEDA + OPERATOR if apis is None else apis:
        given += ["--api-versions", api]
    done = helm("template", "reelmill", str(CHART), "--kube-version", version, *given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(*sets: str, version: str = "1.33", apis: list[str] | None = None) -> list[dict[str, Any]]:
    told = template(*sets, version=version, apis=apis)
    return [document for document in yaml.load_all(told, Loader=yaml.CSafeLoader) if document]


def refused(*sets: str, version: str = "1.33") -> str:
    given = [argument for one in sets for argument in ("--set", one)]
    done = helm("template", "reelmill", str(CHART), "--kube-version", version, *given)
    assert done.returncode != 0
    return done.stderr


def notes(*sets: str) -> str:
    """What a person reads after the installation."""
    given = [argument for one in sets for argument in ("--set", one)]
    return helm("install", "reelmill", str(CHART), "--dry-run=client", *given).stdout


def by_name(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{document['kind']}/{document['metadata']['name']}": document for document in documents}


def containers(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
    yield from (*spec.get("initContainers", []), *spec["containers"])


def volumes(document: dict[str, Any]) -> list[dict[str, Any]]:
    spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
    return list(spec["volumes"])


def workloads(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in documents if one["kind"] in ("Deployment", "StatefulSet", "Job", "Pod")]
