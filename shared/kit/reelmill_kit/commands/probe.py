"""Asks a gRPC server for its health, for clusters without gRPC probes (before Kubernetes 1.24).

    python -m reelmill_kit.commands.probe 127.0.0.1:50051

Ends with 0 where the server serves, else with 1 and what it said.
"""

import sys

import grpc
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ..tls import Certificates, TlsSettings

_TIMEOUT = 3.0


def _channel(address: str) -> grpc.Channel:
    """By TLS where REELMILL_TLS says so: the server is then this pod's own, by its own certificate."""
    own = Certificates.configured(TlsSettings())
    if own is None:
        return grpc.insecure_channel(address)
    found = x509.load_pem_x509_certificate(own.cert.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = [name.replace("*", "any") for name in names.get_values_for_type(x509.DNSName)[:1]]
    options = [("grpc.ssl_target_name_override", name) for name in known]
    return grpc.secure_channel(address, own.for_caller(), options)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
    try:
        with _channel(address) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_TIMEOUT
            )
    except grpc.RpcError as error:
        sys.exit(f"{address}: {error.details()}")
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        sys.exit(f"{address}: {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}")


if __name__ == "__main__":
    main()
