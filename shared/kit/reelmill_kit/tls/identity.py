"""A service's certificate, as server and as caller; replaced files count from the next connection on."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from ..errors import invalid
from ..telemetry import logger
from .settings import TlsSettings

_Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM. `ca`: who vouches for others; `certified`: callers need a certificate, too."""

    cert: Path
    key: Path
    ca: Path | None = None
    certified: bool = False

    @classmethod
    def configured(cls, settings: TlsSettings) -> "Certificates | None":
        """None for plain text."""
        if settings.tls == "off" or settings.tls_cert is None or settings.tls_key is None:
            return None
        return cls(
            settings.tls_cert,
            settings.tls_key,
            settings.tls_ca,
            certified=settings.tls_clients == "certified",
        )

    def check(self) -> None:
        """Raises INVALID_FIELD naming the setting whose file is no such thing."""
        for name, file in (("TLS_CERT", self.cert), ("TLS_KEY", self.key), ("TLS_CA", self.ca)):
            try:
                _ = file and file.read_bytes()
            except OSError as error:
                raise invalid(f"REELMILL_{name}", f"{file} cannot be read: {error.strerror}") from error
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.cert, self.key, password=_nothing)
        except (ssl.SSLError, ValueError) as error:
            raise invalid("REELMILL_TLS_CERT", f"{self.cert} and {self.key} do not fit: {error}") from error
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
        except ssl.SSLError as error:
            raise invalid("REELMILL_TLS_CA", f"{self.ca} is no certificate in PEM: {error}") from error

    def stamp(self) -> _Stamp:
        """Another one when a file was replaced. Raises OSError."""
        files = [file.stat() for file in (self.cert, self.key, self.ca) if file]
        return tuple((found.st_mtime_ns, found.st_ino) for found in files)

    def for_server(self) -> grpc.ServerCredentials:
        """Raises INVALID_FIELD. Replaced files that do not fit each other are not taken, and told of."""
        self.check()
        known = self.stamp()

        def renewed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal known
            try:
                if (now := self.stamp()) == known:
                    return None
                self.check()
                found = self._configuration()
            except Exception as error:
                logger().error("the new certificate is not taken, the one before stays", error=str(error))
                return None
            known = now
            logger().info("a new certificate is used", file=str(self.cert))
            return found

        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            renewed,  # type: ignore[arg-type]  # None: no change
            self.certified,
        )

    def for_caller(self) -> grpc.ChannelCredentials:
        """With this certificate; for servers that the CA vouches for, without one those the system trusts."""
        ca = self.ca.read_bytes() if self.ca else None
        return grpc.ssl_channel_credentials(ca, self.key.read_bytes(), self.cert.read_bytes())

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        pair = [(self.key.read_bytes(), self.cert.read_bytes())]
        ca = self.ca.read_bytes() if self.ca and self.certified else None
        return grpc.ssl_server_certificate_configuration(pair, ca)


def _nothing() -> str:
    """A key with a password cannot be used: nobody is there to type it."""
    return ""
