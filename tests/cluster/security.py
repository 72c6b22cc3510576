"""Tokens and TLS on a cluster: what docs/security.md tells a person to do, and what strangers get."""

import base64
import ssl
import sys
import tempfile
from pathlib import Path

import grpc
import nats
from grpc_health.v1 import health_pb2, health_pb2_grpc

from reelmill.client import CallError, Credentials, MovieClient
from reelmill_kit.rights.users import SERVICES
from tests.cluster.kube import Failed, Kube, run

VALUES = [
    "tls.enabled=true,tls.clientCertificates=true",
    "auth.enabled=true,auth.issuer=cluster",
    "auth.keysConfigMap=reelmill-keys,auth.serviceTokenSecret=reelmill-services",
    "nats.nkeysSecret=reelmill-nkeys,nats.bundled.accountsConfigMap=reelmill-accounts,nats.followers={demo}",
]
_REELMILL = str(Path(sys.executable).with_name("reelmill"))


class Security:
    """The keys, the tokens and the way in of one installation."""

    def __init__(self, kube: Kube, release: str) -> None:
        self._kube = kube
        self._release = release
        # Keys are in it: it goes with this object.
        self._made = tempfile.TemporaryDirectory(prefix="reelmill-cluster-")
        self._folder = Path(self._made.name)
        self._key = self._folder / "signing.pem"

    def prepare(self) -> None:
        """What has to be there before the installation."""
        run(_REELMILL, "token", "key", str(self._key))
        keys = self._folder / "keys.json"
        keys.write_text(run(_REELMILL, "token", "keys", str(self._key)))
        token = self.token("services", "*")
        self._kube.kubectl("create", "configmap", "reelmill-keys", "--from-file", str(keys))
        self._kube.kubectl(
            "create", "secret", "generic", "reelmill-services", "--from-file", f"token={token}"
        )
        folder, accounts = self._folder / "nats", self._folder / "accounts.conf"
        run(_REELMILL, "nats", "users", str(folder), "--publisher", "demo", "--follower", "demo")
        accounts.write_text(run(_REELMILL, "nats", "config", str(folder)))
        seeds = [part for one in SERVICES for part in ("--from-file", str(folder / f"{one}.nk"))]
        self._kube.kubectl("create", "secret", "generic", "reelmill-nkeys", *seeds)
        self._kube.kubectl("create", "configmap", "reelmill-accounts", "--from-file", str(accounts))

    def seed(self, user: str) -> Path:
        """Of a user of NATS."""
        return self._folder / "nats" / f"{user}.nk"

    def token(self, subject: str, *projects: str, issuer: str = "cluster") -> Path:
        """The file of a maker's token."""
        named = [part for project in projects for part in ("--project", project)]
        file = self._folder / f"{subject}.token"
        file.write_text(
            run(
                *(_REELMILL, "token", "mint", "--key", str(self._key), "--issuer", issuer),
                *("--subject", subject, "--role", "maker", *named),
            )
        )
        return file

    @property
    def ca(self) -> Path:
        """Of the release, once it is installed."""
        made = self._kube.get("secret", f"{self._release}-tls")["data"]
        file = self._folder / "ca.crt"
        file.write_bytes(base64.b64decode(made["ca.crt"]))
        return file

    def credentials(self, token: Path | None) -> Credentials:
        """Once the release is installed: its CA is believed."""
        return Credentials(token_file=token, tls_ca=self.ca)

    async def refuse_strangers(self, address: str, inside: str) -> list[str]:
        """What they are told who come without TLS, without a token, with another issuer's or for another
        project; `inside`: the script service, which wants a certificate besides."""
        mine = self.token("ada", "cluster", "demo")
        told = []
        for what, server, credentials, reason in (
            ("in plain text", address, Credentials(token_file=mine), "UNAVAILABLE"),
            ("no token", address, self.credentials(None), "UNAUTHENTICATED"),
            (
                "another issuer's token",
                address,
                self.credentials(self.token("eve", "cluster", issuer="elsewhere")),
                "UNAUTHENTICATED",
            ),
            ("another project", address, self.credentials(self.token("bob", "lamps")), "NOT_FOUND"),
        ):
            try:
                async with MovieClient(server, credentials=credentials, timeout=10) as client:
                    await client.page("cluster")
            except CallError as error:
                if error.reason != reason:
                    raise Failed(f"{what}: {error}, not {reason}") from None
                told.append(f"{what}: {error.reason}")
            else:
                raise Failed(f"{what}: the call was answered")
        told.append(f"no certificate, at {inside}: {self._knock(inside)}")
        return told

    async def refuse_strangers_at_nats(self, url: str) -> list[str]:
        """What NATS tells who has no key, and a publisher that asks for another project's movies."""
        told: list[str] = []

        async def hear(error: Exception) -> None:
            told.append(str(error))

        plain = url.replace("tls://", "nats://")
        believed = ssl.create_default_context(cafile=self.ca)
        try:
            await nats.connect(
                plain,
                allow_reconnect=False,
                connect_timeout=5,
                error_cb=hear,
                nkeys_seed=str(self.seed("publisher_demo")),
            )
        except (nats.errors.Error, ssl.SSLError, OSError) as error:
            told.append(f"NATS in plain text: {type(error).__name__} {error}")
        else:
            raise Failed("NATS talks in plain text")
        try:
            await nats.connect(url, tls=believed, allow_reconnect=False, connect_timeout=5, error_cb=hear)
        except (nats.errors.Error, OSError) as error:
            told.append(str(error))
        if not any("authorization" in text.lower() for text in told):
            raise Failed(f"NATS lets in who has no key: {told}")
        before = len(told)
        publisher = await nats.connect(
            url, tls=believed, nkeys_seed=str(self.seed("publisher_demo")), error_cb=hear
        )
        await publisher.publish("reelmill.requests.cluster", b"{}")
        for _ in range(2):
            await publisher.flush(10)
        await publisher.close()
        if len(told) == before:
            raise Failed("a publisher may ask for another project's movies")
        return [text[:100] for text in (told[0], told[before - 1], told[-1])]

    def _knock(self, address: str) -> str:
        """Who has a certificate is answered there, and who has none is not."""
        made = self._kube.get("secret", f"{self._release}-tls")["data"]
        ca, cert, key = (base64.b64decode(made[name]) for name in ("ca.crt", "tls.crt", "tls.key"))
        named = [("grpc.ssl_target_name_override", f"{self._release}-script")]
        for known in (True, False):
            own = {"private_key": key, "certificate_chain": cert} if known else {}
            credentials = grpc.ssl_channel_credentials(ca, **own)
            with grpc.secure_channel(address, credentials, named) as channel:
                try:
                    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
                except grpc.RpcError as error:
                    if known or error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise Failed(f"{address} with certificate={known}: {error}") from None
                    return str(error.code().name)
        raise Failed(f"{address} talks to callers without a certificate")
