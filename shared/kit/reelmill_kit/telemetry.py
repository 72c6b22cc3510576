"""Traces, metrics and logs. Traces and metrics are off unless OTEL_EXPORTER_OTLP_ENDPOINT is set."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def tracer() -> trace.Tracer:
    return trace.get_tracer("reelmill")


class Metrics:
    """Every instrument there is, by name; made anew when telemetry is set up."""

    def __init__(self) -> None:
        meter = metrics.get_meter("reelmill")
        self.jobs = meter.create_counter("reelmill.jobs", "{job}", "Jobs ended, by stage and outcome")
        self.job_duration = meter.create_histogram("reelmill.job.duration", "s", "Time a job took, by stage")
        self.frames = meter.create_counter("reelmill.frames", "{frame}", "Key frames, drawn or reused")
        self.draw_duration = meter.create_histogram(
            "reelmill.frame.draw.duration", "s", "Time from asking Triton for a frame to having it"
        )
        self.frames_judged = meter.create_counter(
            "reelmill.frames.judged",
            "{frame}",
            "Key frames that were judged and kept, by result: passed or failed",
        )
        self.redraws = meter.create_counter(
            "reelmill.frame.redraws",
            "{picture}",
            "Pictures drawn because the one before did not pass the gate",
        )
        self.judge_duration = meter.create_histogram(
            "reelmill.frame.judge.duration", "s", "Time from asking Triton's judge about a picture to knowing"
        )
        self.tokens = meter.create_counter("reelmill.llm.tokens", "{token}", "LLM tokens, by direction")
        self.movies = meter.create_counter("reelmill.movies", "{movie}", "Movies ended, by state")
        self.callbacks = meter.create_counter(
            "reelmill.callbacks", "{try}", "Tries to send a callback: delivered, failed or given_up"
        )
        # Every process of the front door tells the same of a project: take the highest, not the sum.
        self.project_cost = meter.create_gauge(
            "reelmill.project.cost", "1", "What a project's movies have cost, by project and stage"
        )
        self.project_tokens = meter.create_gauge(
            "reelmill.project.tokens", "{token}", "Tokens of a project's movies, by project and stage"
        )
        self.project_used = meter.create_gauge(
            "reelmill.project.used", "1", "What counts against a project's limits, by project and quota"
        )
        self.project_limit = meter.create_gauge(
            "reelmill.project.limit", "1", "A project's limits, by project and quota"
        )


_instruments: Metrics | None = None


def instruments() -> Metrics:
    global _instruments
    if _instruments is None:
        _instruments = Metrics()
    return _instruments


def set_up(service: str, log_level: str = "INFO") -> None:
    """Logs as JSON lines on stderr with the trace id; exporters if an OTLP endpoint is set."""
    logging.basicConfig(level=log_level.upper(), stream=sys.stderr, format="%(name)s: %(message)s")
    # It tells of every try; what comes of them is ours to tell.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    resource = Resource.create({"service.name": f"reelmill-{service}", "service.namespace": "reelmill"})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(
        MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])
    )


def shut_down() -> None:
    """Sends what is still held back."""
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if isinstance(provider, TracerProvider | MeterProvider):
            provider.shutdown()


def logger() -> Any:
    return structlog.get_logger()


def trace_headers() -> dict[str, str]:
    """`traceparent` and the like of the current span, for a message's headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def trace_context(headers: Mapping[str, str]) -> Context:
    """The context that a message's headers carry."""
    return propagate.extract({name.lower(): value for name, value in headers.items()})


def _add_trace(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = f"{span.trace_id:032x}"
        event["span_id"] = f"{span.span_id:016x}"
    return event
