"""The chart, rendered with every combination of its switches and compared with Kubernetes' own schemas."""

import base64
import itertools
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]
from cryptography import x509

from reelmill_kit.rights.store import SERVICES, rights, seaweedfs_actions

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


def check_against_schemas(combinations: list[tuple[str, ...]]) -> None:
    """Renders each and compares what was not seen before with the schemas of every version."""
    seen: set[str] = set()

    def check(combination: tuple[str, ...]) -> None:
        for text in template(*combination).split("\n---\n"):
            # Most are the same in most combinations, but for the keys that are made up.
            known = re.sub(r"(?<=: )[A-Za-z0-9+/]{24,}={0,2}$", "", text, flags=re.MULTILINE)
            if known in seen:
                continue
            seen.add(known)
            document = yaml.load(text, Loader=yaml.CSafeLoader)
            if not document or document["kind"] in _CUSTOM:
                continue
            for version in VERSIONS:
                kubernetes_validate.validate(document, version, strict=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(check, combinations))


def test_every_two_switches_together_are_valid_for_every_version_of_kubernetes() -> None:
    pairs = {
        (one, other)
        for first, second in itertools.combinations(SWITCHES.values(), 2)
        for one in first
        for other in second
    }
    assert len(pairs) > 100
    check_against_schemas(sorted(pairs))


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


def test_every_pod_is_restricted_and_has_no_token() -> None:
    for document in workloads(
        rendered("otlp.bundled.enabled=true", "weights.source=bucket,weights.prefix=x")
    ):
        pod = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(document):
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]
            assert "cpu" in container["resources"]["requests"]


def test_secrets_stand_by_reference_only() -> None:
    nats = "nats.bundled.enabled=false,nats.existingSecret=nats,nats.monitoring=nats:8222"
    documents = rendered(EXTERNAL_S3, nats, "llm.model=m,llm.existingSecret=llm")
    assert not [one for one in documents if one["kind"] == "Secret"]
    for document in workloads(documents):
        for container in containers(document):
            for variable in container.get("env", []):
                if "KEY" in variable["name"] or variable["name"] == "REELMILL_NATS_URL":
                    assert "secretKeyRef" in variable["valueFrom"], variable["name"]


def test_every_component_has_a_policy_that_names_who_may_call_it() -> None:
    documents = by_name(rendered("otlp.bundled.enabled=true"))
    services = ("movies", "script", "qa", "dataset", "render", "style", "gateway", "triton")
    for name in (*services, "nats", "s3", "otlp", "topology"):
        policy = documents[f"NetworkPolicy/reelmill-{name}"]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
    (drawing, metrics) = documents["NetworkPolicy/reelmill-triton"]["spec"]["ingress"]
    assert drawing["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "render"
    assert metrics["ports"] == [{"port": 8002, "protocol": "TCP"}]


def test_services_check_tokens_and_only_who_calls_has_one() -> None:
    documents = by_name(rendered(AUTH_BY_ADDRESS))
    for name in ("movies", "script", "qa", "dataset", "render", "style", "gateway"):
        deployment = documents[f"Deployment/reelmill-{name}"]
        (container,) = (one for one in containers(deployment) if one["name"] == name)
        environment = {one["name"]: one.get("value") for one in container["env"]}
        assert environment["REELMILL_AUTH"] == "on"
        assert environment["REELMILL_AUTH_JWKS_URL"] == "https://id.example:8443/keys"
        secrets = [one["secret"]["secretName"] for one in volumes(deployment) if "secret" in one]
        assert secrets == (["services"] if name == "movies" else [])
        egress = documents[f"NetworkPolicy/reelmill-{name}"]["spec"]["egress"]
        ports = [port["port"] for rule in egress for port in rule.get("ports", [])]
        assert 8443 in ports
    assert [one["secret"]["secretName"] for one in volumes(documents["Pod/reelmill-test-movie"])[1:]] == [
        "services"
    ]


def test_a_pod_has_its_own_nkey_alone_and_the_bundled_nats_knows_users() -> None:
    documents = by_name(rendered("nats.nkeysSecret=nkeys,nats.bundled.accountsConfigMap=accounts"))
    for name in ("movies", "script", "qa", "dataset", "render", "style"):
        deployment = documents[f"Deployment/reelmill-{name}"]
        (secret,) = (one["secret"] for one in volumes(deployment) if "secret" in one)
        assert secret["secretName"] == "nkeys"
        assert secret["items"] == [{"key": f"{name}.nk", "path": "nkey"}]
        (container,) = (one for one in containers(deployment) if one["name"] == name)
        environment = {one["name"]: one.get("value") for one in container["env"]}
        assert environment["REELMILL_NATS_NKEY_FILE"] == "/etc/reelmill/nats/nkey"
    (job,) = (one for one in documents.values() if one["kind"] == "Job")
    assert any("nkeys" in str(one) and "movies.nk" in str(one) for one in volumes(job))
    assert "include accounts/accounts.conf" in documents["ConfigMap/reelmill-nats"]["data"]["nats.conf"]
    assert "REELMILL" in str(documents["ScaledObject/reelmill-render"])
    assert "WARNING: NATS asks nobody" not in notes(
        "nats.nkeysSecret=nkeys,nats.bundled.accountsConfigMap=accounts"
    )
    assert "WARNING: NATS asks nobody" in notes()


def test_each_service_has_keys_of_its_own_for_the_bundled_store() -> None:
    documents = by_name(rendered("weights.source=bucket,weights.prefix=models/xl"))
    data = documents["Secret/reelmill-s3"]["stringData"]
    identities = {one["name"]: one for one in json.loads(data["s3.json"])["identities"]}
    assert set(identities) == {"reelmill", "weights", *SERVICES}
    assert identities["weights"]["actions"] == ["List:reelmill/models/xl/*", "Read:reelmill/models/xl/*"]
    assert len({one["credentials"][0]["secretKey"] for one in identities.values()}) == len(identities)
    for name in SERVICES:
        assert set(identities[name]["actions"]) == set(seaweedfs_actions(rights(name), "reelmill"))
        keys = identities[name]["credentials"][0]
        assert keys == {"accessKey": data[f"{name}-access-key"], "secretKey": data[f"{name}-secret-key"]}
        for container in containers(documents[f"Deployment/reelmill-{name}"]):
            whose = name if container["name"] == name else "weights"
            for variable in container.get("env", []):
                if variable["name"] == "REELMILL_S3_SECRET_KEY":
                    assert variable["valueFrom"]["secretKeyRef"]["key"] == f"{whose}-secret-key"
    (job,) = (one for one in documents.values() if one["kind"] == "Job")
    assert "'key': 'secret-key'" in str(job), "whoever makes the bucket has other keys"


def test_the_gateway_finds_every_service_that_it_may_open_and_its_secrets_by_reference() -> None:
    def gateway(*sets: str) -> tuple[dict[str, Any], Any]:
        deployment = by_name(rendered(*sets))["Deployment/reelmill-gateway"]
        (container,) = containers(deployment)
        return {one["name"]: one.get("value") for one in container["env"]}, deployment

    environment, _ = gateway()
    servers = {name for name in environment if name.endswith("_SERVER")}
    assert servers == {
        f"REELMILL_{one}_SERVER" for one in ("MOVIES", "SCRIPT", "STYLE", "RENDER", "QA", "DATASET")
    }
    assert environment["REELMILL_SCRIPT_SERVER"] == "reelmill-script:50051"
    closed, deployment = gateway(
        "tls.enabled=true,tls.existingSecret=t,tls.clientCertificates=true",
        "services.gateway.webhookSecret=hooks,services.gateway.origins={https://studio.example}",
    )
    assert servers - set(closed) == {"REELMILL_SCRIPT_SERVER", "REELMILL_QA_SERVER"}
    assert closed["REELMILL_HTTP_ORIGINS"] == '["https://studio.example"]'
    assert closed["REELMILL_WEBHOOK_SECRETS"] == "/etc/reelmill/webhooks"
    assert "hooks" in [one["secret"]["secretName"] for one in volumes(deployment) if "secret" in one]


def test_callbacks_leave_the_cluster_alone_unless_it_is_allowed() -> None:
    def found(*sets: str) -> tuple[set[str], list[Any], int]:
        documents = by_name(rendered(*sets))
        told = [
            {
                one["name"]
                for part in containers(documents[f"Deployment/reelmill-{name}"])
                for one in part["env"]
            }
            for name in ("movies", "gateway")
        ]
        rules = documents["NetworkPolicy/reelmill-gateway"]["spec"]["egress"]
        (rule,) = [one for one in rules if any("ipBlock" in to for to in one.get("to", []))]
        return told[0] & told[1], rule["to"], len(rule["ports"])

    told, blocks, ports = found()
    assert "REELMILL_CALLBACK_ALLOW" not in told
    assert "10.0.0.0/8" in blocks[0]["ipBlock"]["except"]
    assert ports == 1
    callbacks = "services.gateway.callbacks"
    told, blocks, ports = found(
        f"{callbacks}.allow={{10.1.0.0/16}},{callbacks}.http=true,{callbacks}.ports={{443,80}}"
    )
    inside = f"{callbacks}.allow={{hooks.films.svc}},services.gateway.webhookSecret=hooks"
    for document in rendered(inside):
        if document["metadata"]["name"] == "reelmill-gateway":
            kubernetes_validate.validate(document, VERSIONS[-1], strict=True)
    assert {"REELMILL_CALLBACK_ALLOW", "REELMILL_CALLBACK_HTTP"} <= told
    assert "except" not in blocks[0]["ipBlock"]
    assert ports == 2


def test_by_tls_every_service_has_the_certificate_and_is_probed_with_it() -> None:
    documents = by_name(
        rendered("tls.enabled=true,tls.existingSecret=certificates,tls.clientCertificates=true")
    )
    for name in ("movies", "script", "qa", "dataset", "render", "style", "gateway"):
        deployment = documents[f"Deployment/reelmill-{name}"]
        (container,) = (one for one in containers(deployment) if one["name"] == name)
        environment = {one["name"]: one.get("value") for one in container["env"]}
        assert environment["REELMILL_TLS"] == "on"
        assert ("REELMILL_TLS_CLIENTS" in environment) == (name in ("script", "qa"))
        assert "exec" in container["readinessProbe"]
        assert [one["secret"]["secretName"] for one in volumes(deployment) if "secret" in one] == [
            "certificates"
        ]


def test_a_certificate_that_the_chart_makes_is_of_all_services(tmp_path: Path) -> None:
    documents = by_name(rendered("tls.enabled=true"))
    files = {name: base64.b64decode(data) for name, data in documents["Secret/reelmill-tls"]["data"].items()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    found = x509.load_pem_x509_certificate(files["tls.crt"])
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(files["ca.crt"]))
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = names.get_values_for_type(x509.DNSName)
    for service in ("movies", "script", "style", "render", "qa", "dataset", "gateway"):
        assert {f"reelmill-{service}", f"reelmill-{service}.default.svc"} <= set(known)
    (mounted,) = (one for one in volumes(documents["Deployment/reelmill-movies"]) if "secret" in one)
    assert mounted["secret"]["secretName"] == "reelmill-tls"


def test_calls_without_tokens_are_warned_of() -> None:
    assert "WARNING: calls need no token" in notes()
    assert "WARNING: calls need no token" not in notes(AUTH_BY_ADDRESS)


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


def test_lint_finds_nothing() -> None:
    done = helm("lint", "--strict", str(CHART), "--kube-version", "1.33")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", sorted((ROOT / "docker").glob("*.Dockerfile")), ids=lambda file: file.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    hadolint = ROOT / ".venv" / "chart" / "bin" / "hadolint"
    done = subprocess.run([str(hadolint), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
