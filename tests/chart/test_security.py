"""Who may do what on a cluster: pods, policies, tokens, keys and certificates, as the chart renders them."""

import base64
import json
import ssl
from pathlib import Path

from cryptography import x509

from reelmill_kit.rights.store import SERVICES, rights, seaweedfs_actions
from tests.chart.rendering import (
    AUTH_BY_ADDRESS,
    EXTERNAL_S3,
    by_name,
    containers,
    notes,
    rendered,
    volumes,
    workloads,
)


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
    services = ("movies", "script", "style", "render", "qa", "dataset", "gateway", "triton")
    for service in (*services, "nats", "s3", "otlp"):
        assert {f"reelmill-{service}", f"reelmill-{service}.default.svc"} <= set(known)
    (mounted,) = (one for one in volumes(documents["Deployment/reelmill-movies"]) if "secret" in one)
    assert mounted["secret"]["secretName"] == "reelmill-tls"


def test_by_tls_nothing_of_the_release_is_called_in_plain_text() -> None:
    """But what is asked by nobody but the cluster itself: probes, and what is measured."""
    more = "otlp.bundled.enabled=true,weights.source=bucket,weights.prefix=models/xl"
    documents = rendered("tls.enabled=true,tls.clientCertificates=true", more)
    named = by_name(documents)
    called = ("NATS_URL", "S3_ENDPOINT", "OTLP_ENDPOINT", "TRITON_URL")
    found = set()
    for document in workloads(documents):
        for container in containers(document):
            environment = {one["name"]: one.get("value", "") for one in container.get("env", [])}
            for name, value in environment.items():
                if name.endswith(called):
                    found.add(name)
                    assert value.startswith(("https://", "tls://")), (container["name"], name, value)
                    mounts = [one["mountPath"] for one in container["volumeMounts"]]
                    assert environment["REELMILL_TLS_CA"] == "/etc/reelmill/tls/ca.crt"
                    assert "/etc/reelmill/tls" in mounts
    assert len(found) == len(called)
    for name in ("Pod/reelmill-test-movie", "Job/reelmill-topology-1"):
        (certificate,) = (one for one in volumes(named[name]) if one["name"] == "tls")
        assert certificate["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    assert "tls { cert_file: " in named["ConfigMap/reelmill-nats"]["data"]["nats.conf"]
    assert "cert_file: " in named["ConfigMap/reelmill-otlp"]["data"]["collector.yaml"]
    (store,) = containers(named["StatefulSet/reelmill-s3"])
    assert any(one.startswith("-s3.cert.file=") for one in store["args"])
    assert store["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    *_, triton = containers(named["Deployment/reelmill-triton"])
    assert "--grpc-use-ssl-mutual=true" in triton["args"]
    ports = [port["name"] for port in named["Service/reelmill-triton"]["spec"]["ports"]]
    assert ports == ["grpc", "metrics"]
    (triton,) = (
        one
        for one in containers(by_name(rendered("tls.enabled=true"))["Deployment/reelmill-triton"])
        if one["name"] == "triton"
    )
    assert "--grpc-use-ssl=true" in triton["args"]


def test_calls_without_tokens_are_warned_of() -> None:
    assert "WARNING: calls need no token" in notes()
    assert "WARNING: calls need no token" not in notes(AUTH_BY_ADDRESS)
