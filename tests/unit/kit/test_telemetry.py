import json
import os
import subprocess
import sys

_PROGRAM = """
from opentelemetry import metrics, trace
from reelmill_kit import telemetry
telemetry.set_up("test")
with telemetry.tracer().start_as_current_span("work") as span:
    telemetry.logger().info("hello", count=1)
    telemetry.instruments().frames.add(1)
    print(span.is_recording(), type(trace.get_tracer_provider()).__name__)
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: a provider can be set once only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_telemetry_is_off_unless_an_endpoint_is_set() -> None:
    done = run()
    assert done.stdout.split() == ["False", "ProxyTracerProvider"]
    line = json.loads(done.stderr.splitlines()[-1])
    assert (line["event"], line["service"], line["count"]) == ("hello", "test", 1)
    assert "trace_id" not in line


def test_an_endpoint_turns_it_on_and_logs_carry_the_trace() -> None:
    # Nobody listens there: sending fails, working does not.
    done = run(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1")
    assert done.stdout.split() == ["True", "TracerProvider"]
    [line] = [json.loads(line) for line in done.stderr.splitlines() if '"hello"' in line]
    assert len(line["trace_id"]) == 32
