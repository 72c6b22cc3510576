"""The chart, rendered with its switches together and compared with Kubernetes' own schemas."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import getitem
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from tests.chart.covering import covering
from tests.chart.rendering import (
    AUTH,
    AUTH_BY_ADDRESS,
    CHART,
    EXTERNAL_NATS,
    EXTERNAL_S3,
    HPA,
    ROOT,
    VERSIONS,
    by_name,
    containers,
    helm,
    notes,
    refused,
    rendered,
    template,
    workloads,
)

SWITCHES: dict[str, list[str]] = {
    "tls": [
        "",
        "tls.enabled=true",
        "tls.enabled=true,tls.existingSecret=certificates,tls.clientCertificates=true",
    ],
    "auth": ["", AUTH_BY_ADDRESS, f"{AUTH},auth.keysConfigMap=keys"],
    "scaler": ["autoscaling=none", "autoscaling=hpa", "autoscaling=keda"],
    "nats": [
        "",
        f"{EXTERNAL_NATS},nats.nkeysSecret=nkeys",
        "nats.nkeysSecret=nkeys,nats.bundled.accountsConfigMap=accounts,nats.followers={lamps}",
    ],
    "s3": [
        "",
        f"{EXTERNAL_S3},s3.keyPerService=true",
        "s3.bundled.kind=minio,s3.bundled.image=minio@sha256:0",
    ],
    "persistence": ["", "nats.bundled.persistence=false,s3.bundled.persistence=false"],
    "weights": [
        "",
        "weights.source=volume,weights.claim=weights",
        "weights.source=bucket,weights.prefix=models/xl,weights.digest=0123456789abcdef",
    ],
    "triton": ["", "triton.variant=gpu,triton.gpu.count=1,triton.runtimeClassName=nvidia"],
    "otlp": ["", "otlp.bundled.enabled=true"],
    "llm": ["", "llm.model=m,llm.baseUrl=http://llm:8000/v1,llm.existingSecret=llm"],
    "policies": ["", "networkPolicy.enabled=false"],
    "monitoring": ["", "monitoring.serviceMonitors=on,monitoring.rules=on"],
}
_CUSTOM = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}


def shape(value: Any, key: str = "") -> Any:
    """All that a schema of Kubernetes looks at: keys, types, and which kind of object it is."""
    if isinstance(value, dict):
        return frozenset((name, shape(one, name)) for name, one in value.items())
    if isinstance(value, list):
        return frozenset((shape(one),) for one in value)
    return value if key in ("apiVersion", "kind") else type(value)


def check_against_schemas(combinations: list[tuple[str, ...]]) -> None:
    """Renders each and compares objects of a shape not seen before with the schemas of every version."""
    texts, shapes = set[int](), set[Any]()

    def check(combination: tuple[str, ...]) -> None:
        for text in template(*combination).split("\n---\n"):
            if hash(text) in texts:
                continue
            texts.add(hash(text))
            document = yaml.load(text, Loader=yaml.CSafeLoader)
            if not document or document["kind"] in _CUSTOM or (found := shape(document)) in shapes:
                continue
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)
            shapes.add(found)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(check, combinations))


def keywords(schema: Any, name: str = "") -> Iterator[str]:
    """Of a JSON schema and all in it; an `enum` with the name of the property that it is of."""
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        yield f"{word} of {name}" if word == "enum" else word
        if word in ("properties", "definitions", "$defs"):
            for one, inner in value.items():
                yield from keywords(inner, one)
        elif word in ("items", "additionalProperties"):
            yield from keywords(value)
        elif word in ("oneOf", "anyOf", "allOf"):
            for inner in value:
                yield from keywords(inner)


def test_schemas_of_kubernetes_look_at_nothing_but_an_objects_shape() -> None:
    """So that of objects of one shape all are valid or none is."""
    kinds = {one["kind"].lower() for one in rendered("autoscaling=hpa") if one["kind"] not in _CUSTOM}
    assert {"deployment", "networkpolicy", "horizontalpodautoscaler"} <= kinds
    seen: set[str] = set()
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    for version in VERSIONS:
        schemas = folder / f"v{version}.0-local-strict"
        of_kinds = [path for kind in kinds for path in schemas.glob(f"{kind}-*.json")]
        assert {path.stem.split("-")[0] for path in of_kinds} == kinds
        for path in (schemas / "_definitions.json", *of_kinds):
            seen.update(keywords(json.loads(path.read_bytes())))
    assert {"type", "required", "additionalProperties", "enum of kind"} <= seen
    told = {
        "$id",
        "$schema",
        "$defs",
        "definitions",
        "properties",
        "items",
        "$ref",
        "oneOf",
        "description",
        "default",
        "format",
    }
    looks = {"type", "required", "additionalProperties", "enum of kind", "enum of apiVersion"}
    assert {word for word in seen if not word.startswith("x-kubernetes-")} <= told | looks


def test_every_four_switches_together_are_valid_for_every_version_of_kubernetes() -> None:
    """All twelve are 46,656 combinations: hours, and a test of their own."""
    rows = covering([len(positions) for positions in SWITCHES.values()], strength=4)
    assert len(rows) > 100
    check_against_schemas([tuple(map(getitem, SWITCHES.values(), row)) for row in rows])


@pytest.mark.slow
def test_every_combination_of_switches_is_valid_for_every_version_of_kubernetes() -> None:
    combinations = list(itertools.product(*SWITCHES.values()))
    assert len(combinations) > 1000
    check_against_schemas(combinations)


def test_an_old_kubernetes_gets_what_it_knows() -> None:
    documents = by_name(rendered(version="1.20", apis=[]))
    assert documents["PodDisruptionBudget/reelmill-movies"]["apiVersion"] == "policy/v1beta1"
    (movies,) = containers(documents["Deployment/reelmill-movies"])
    assert "exec" in movies["readinessProbe"]
    assert not any(name.startswith(("ScaledObject", "Horizontal", "ServiceMonitor")) for name in documents)


def test_a_zero_of_the_scaler_is_taken_as_a_zero() -> None:
    names = ("cooldownSeconds", "stabilizationSeconds", "fallback")
    zeros = ",".join(f"services.render.autoscaling.{name}=0" for name in names)
    scaled = by_name(rendered("autoscaling=keda", zeros))["ScaledObject/reelmill-render"]["spec"]
    behavior = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert (scaled["cooldownPeriod"], scaled["fallback"]["replicas"]) == (0, 0)
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 0
    hpa = by_name(rendered("autoscaling=hpa", zeros))["HorizontalPodAutoscaler/reelmill-render"]["spec"]
    assert hpa["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 0
    # What the values leave out has a default.
    script = by_name(rendered("autoscaling=keda"))["ScaledObject/reelmill-script"]["spec"]
    assert (script["pollingInterval"], script["cooldownPeriod"]) == (15, 300)


def test_renderers_are_scaled_by_the_backlog_from_zero_and_never_have_replicas_as_well() -> None:
    documents = by_name(rendered("autoscaling=auto"))
    scaled = documents["ScaledObject/reelmill-render"]["spec"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (0, 8)
    assert [trigger["metadata"]["stream"] for trigger in scaled["triggers"]] == ["JOBS", "WAITING"]
    assert {trigger["metadata"]["consumer"] for trigger in scaled["triggers"]} == {"render"}
    for name in ("render", "triton", "style"):
        assert "replicas" not in documents[f"Deployment/reelmill-{name}"]["spec"]
        assert f"HorizontalPodAutoscaler/reelmill-{name}" not in documents
    assert documents["Deployment/reelmill-movies"]["spec"]["replicas"] == 1


def test_without_keda_an_hpa_and_without_either_fixed_replicas() -> None:
    documents = by_name(rendered("autoscaling=auto", apis=HPA))
    assert documents["HorizontalPodAutoscaler/reelmill-render"]["spec"]["minReplicas"] == 1
    assert "replicas" not in documents["Deployment/reelmill-render"]["spec"]
    documents = by_name(rendered("autoscaling=none"))
    assert documents["Deployment/reelmill-render"]["spec"]["replicas"] == 1
    assert not any(name.startswith(("ScaledObject", "Horizontal")) for name in documents)


def test_every_pod_that_reads_the_weights_compares_their_digest_first() -> None:
    documents = by_name(rendered("weights.digest=0123456789ab,llm.model=m"))
    for name in ("triton", "style", "script"):
        *_, check, server = containers(documents[f"Deployment/reelmill-{name}"])
        assert check["name"] == "verify-weights"
        assert check["command"][-2:] == ["/weights/model", "0123456789ab"]
        assert check["image"] == server["image"]


def test_termination_is_longer_than_the_grace_that_a_service_gives_its_work() -> None:
    for document in workloads(rendered()):
        pod = document["spec"]["template"]["spec"] if "template" in document["spec"] else document["spec"]
        for container in containers(document):
            for variable in container.get("env", []):
                if variable["name"] == "REELMILL_SHUTDOWN_GRACE":
                    assert int(variable["value"]) < pod["terminationGracePeriodSeconds"]


def test_anything_else_can_be_merged_in_by_name(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    more = {"spec": {"template": {"spec": {"priorityClassName": "low"}}}}
    values.write_text(yaml.safe_dump({"overrides": {"Deployment/reelmill-render": more}}))
    done = helm("template", "reelmill", str(CHART), "--values", str(values))
    documents = by_name([one for one in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if one])
    assert documents["Deployment/reelmill-render"]["spec"]["template"]["spec"]["priorityClassName"] == "low"
    assert "priorityClassName" not in documents["Deployment/reelmill-qa"]["spec"]["template"]["spec"]


def test_what_is_merged_into_nothing_is_told() -> None:
    told = notes("overrides.Deployment/reelmil-render.spec.paused=true")
    assert "WARNING: overrides has Deployment/reelmil-render, and this installation has no such" in told
    assert "WARNING: overrides" not in notes("overrides.Deployment/reelmill-render.spec.paused=true")


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["overrides.reelmill-render.spec.paused=true"], "does not match pattern"),
        (["s3.bundled.enabled=false"], "No object store"),
        (["s3.endpoint=http://x:9000"], "Two object stores"),
        (["s3.bundled.enabled=false", "s3.endpoint=http://x:9000"], "No keys for the object store"),
        (["s3.bundled.kind=minio"], "No MinIO image"),
        (["s3.bundled.kind=minio", "s3.bundled.image=x", "s3.keyPerService=true"], "one pair of keys"),
        (["nats.bundled.enabled=false"], "No NATS"),
        (["nats.url=nats://x:4222"], "Two NATS servers"),
        (["nats.nkeysSecret=x"], "nats.bundled.accountsConfigMap"),
        (["nats.bundled.accountsConfigMap=x"], "nats.nkeysSecret"),
        (["nats.followers={lamps.>}"], "/nats/followers/0"),
        ([AUTH], "either auth.jwksUrl or auth.keysConfigMap"),
        ([AUTH_BY_ADDRESS, "auth.issuer="], "auth.issuer"),
        ([AUTH_BY_ADDRESS, "auth.serviceTokenSecret="], "auth.serviceTokenSecret"),
        (["auth.algorithms={HS256}"], "/auth/algorithms/0"),
        (["autoscaling=keda"], "this cluster has no KEDA"),
        (["weights.source=volume"], "needs weights.claim"),
        (["weights.source=bucket"], "needs weights.prefix"),
        (["triton.variant=gpu"], "without a GPU"),
        (["services.render.autoscaling.min=9"], "min 9 is more than max 8"),
        (["services.gateway.autoscaling.max=2"], "services.gateway.replicas"),
        (["services.render.replcas=2"], "replcas"),
        (["services.render.replicas=two"], "/services/render/replicas"),
        (["autoscaling=both"], "/autoscaling"),
        (["weights.digest=abc"], "/weights/digest"),
    ],
)  # fmt: skip
def test_values_that_contradict_or_do_not_exist_are_refused_by_name(sets: list[str], words: str) -> None:
    assert words in refused(*sets)


def test_an_hpa_is_refused_where_the_cluster_has_none() -> None:
    assert "no autoscaling/v2" in refused("autoscaling=hpa", version="1.20")


def test_every_value_has_a_description_and_the_readme_has_them_all() -> None:
    def undescribed(schema: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, part in schema["properties"].items():
            if not part.get("description"):
                yield f"{path}.{name}"
            if "properties" in part:
                yield from undescribed(part, f"{path}.{name}")

    assert not list(undescribed(json.loads((CHART / "values.schema.json").read_text())))
    done = subprocess.run([sys.executable, str(ROOT / "helm/generate.py"), "--check"], check=False)
    assert done.returncode == 0


def test_notes_tell_the_first_three_commands() -> None:
    done = helm("install", "reelmill", str(CHART), "--dry-run=client", "--namespace", "films")
    assert "1. " in done.stdout
    assert "helm test reelmill --namespace films" in done.stdout
    assert "To remove it, too" in done.stdout
    assert "--server 127.0.0.1:50051 --wait" in done.stdout
    closed = notes("tls.enabled=true", AUTH_BY_ADDRESS)
    assert "get secret reelmill-tls -o 'jsonpath={.data.ca\\.crt}'" in closed
    assert "--tls-ca ca.crt --token-file TOKEN -p PROJECT --wait" in closed


def test_lint_finds_nothing() -> None:
    done = helm("lint", "--strict", str(CHART), "--kube-version", "1.33")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", sorted((ROOT / "docker").glob("*.Dockerfile")), ids=lambda file: file.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    hadolint = ROOT / ".venv" / "chart" / "bin" / "hadolint"
    done = subprocess.run([str(hadolint), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
