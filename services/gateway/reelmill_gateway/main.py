"""The gateway process: `python -m reelmill_gateway`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill_kit.bus import Bus
from reelmill_kit.runtime import Runtime
from reelmill_kit.tls import Certificates, TlsSettings

from .app import application
from .intake import EventIntake
from .secrets import WebhookSecrets
from .settings import GatewaySettings
from .web import WebServer


async def serve() -> None:
    settings = GatewaySettings()
    bus = Bus(settings, "gateway")
    runtime = Runtime("gateway", settings, bus)
    certificates = Certificates.configured(TlsSettings())
    intake = EventIntake(bus, WebhookSecrets(settings.webhook_secrets))
    web = WebServer(application(intake), settings.http_address, certificates, settings.shutdown_grace)
    await runtime.run([], [web.run])


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
