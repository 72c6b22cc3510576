"""Asks a gRPC server for its health, for clusters without gRPC probes (before Kubernetes 1.24).

    python -m reelmill_kit.commands.probe 127.0.0.1:50051

Ends with 0 where the server serves, else with 1 and what it said.
"""

import os
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT = 3.0


def _channel(address: str) -> grpc.Channel:
    """By TLS where REELMILL_TLS says so: the server is then this pod's own, by its own certificate."""
    # Not by TlsSettings: this runs every few seconds in every pod, and pydantic takes four times as long.
    cert, key, ca = (os.environ.get(f"REELMILL_TLS_{name}", "") for name in ("CERT", "KEY", "CA"))
    if os.environ.get("REELMILL_TLS") == "off" or not cert or not key:
        return grpc.insecure_channel(address)
    from cryptography import x509

    own = Path(cert).read_bytes()
    found = x509.load_pem_x509_certificate(own)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = [name.replace("*", "any") for name in names.get_values_for_type(x509.DNSName)[:1]]
    options = [("grpc.ssl_target_name_override", name) for name in known]
    vouching = Path(ca).read_bytes() if ca else None
    credentials = grpc.ssl_channel_credentials(vouching, Path(key).read_bytes(), own)
    return grpc.secure_channel(address, credentials, options)


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
