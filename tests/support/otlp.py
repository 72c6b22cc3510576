"""A real OTLP/gRPC receiver: keeps every span and the names of the metrics that it is sent."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc


@dataclass(frozen=True, slots=True)
class Span:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


class OtlpReceiver(trace_grpc.TraceServiceServicer, metrics_grpc.MetricsServiceServicer):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self.metrics: set[tuple[str, str]] = set()
        """(service, metric)."""
        self.address = ""

    @property
    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    # Both services call their method Export; the request says which it is.
    def Export(
        self,
        request: trace_pb2.ExportTraceServiceRequest | metrics_pb2.ExportMetricsServiceRequest,
        context: grpc.ServicerContext,
    ) -> trace_pb2.ExportTraceServiceResponse | metrics_pb2.ExportMetricsServiceResponse:
        with self._lock:
            if isinstance(request, metrics_pb2.ExportMetricsServiceRequest):
                for measured in request.resource_metrics:
                    service = _texts(measured.resource.attributes)["service.name"]
                    self.metrics |= {
                        (service, m.name) for scope in measured.scope_metrics for m in scope.metrics
                    }
                return metrics_pb2.ExportMetricsServiceResponse()
            for traced in request.resource_spans:
                service = _texts(traced.resource.attributes)["service.name"]
                self._spans += [
                    Span(
                        service=service,
                        name=span.name,
                        trace_id=span.trace_id.hex(),
                        span_id=span.span_id.hex(),
                        parent_id=span.parent_span_id.hex(),
                        attributes=_texts(span.attributes),
                    )
                    for scope in traced.scope_spans
                    for span in scope.spans
                ]
        return trace_pb2.ExportTraceServiceResponse()


def _texts(attributes: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for attribute in attributes:  # type: ignore[attr-defined]
        value = attribute.value
        found[attribute.key] = str(getattr(value, value.WhichOneof("value") or "string_value"))
    return found


@contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    receiver = OtlpReceiver()
    server = grpc.server(ThreadPoolExecutor(4))
    trace_grpc.add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    metrics_grpc.add_MetricsServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    receiver.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(1).wait()
