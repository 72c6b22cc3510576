"""The gateway, as the chart renders it."""

from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]

from tests.chart.rendering import VERSIONS, by_name, containers, rendered, volumes


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
