"""The gateway process: `python -m reelmill_gateway`, settings in REELMILL_ environment variables."""

import asyncio

from pydantic import ValidationError

from reelmill_kit.bus import Bus
from reelmill_kit.channels import ServiceChannel
from reelmill_kit.destinations import Destinations, DestinationSettings
from reelmill_kit.grpc_server import MAX_MESSAGE_BYTES
from reelmill_kit.runtime import Runtime
from reelmill_kit.tls import Certificates, TlsSettings
from reelmill_kit.tls.trust import trusting
from reelmill_kit.topology import CALLBACK_ACK_WAIT, CALLBACKS, EVENTS

from .app import application
from .callbacks import Callbacks
from .calls import Calls
from .delivery import Delivery
from .intake import EventIntake
from .secrets import WebhookSecrets
from .settings import GatewaySettings
from .web import WebServer

_OPTIONS = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]


async def serve() -> None:
    settings = GatewaySettings()
    bus = Bus(settings, "gateway", consumer=(EVENTS, CALLBACKS))
    runtime = Runtime("gateway", settings, bus)
    certificates = Certificates.configured(TlsSettings())
    channels = {
        name: ServiceChannel(address, certificates, options=_OPTIONS)
        for name, address in settings.servers.items()
    }
    secrets = WebhookSecrets(settings.webhook_secrets)
    intake = EventIntake(bus, secrets)
    app = application(intake, Calls(channels), settings.http_origins)
    web = WebServer(
        app,
        settings.http_address,
        certificates,
        grace=settings.shutdown_grace,
        connections=settings.http_connections,
    )
    delivery = Delivery(
        Destinations.configured(DestinationSettings()), CALLBACK_ACK_WAIT / 2, trusting(settings.tls_ca)
    )
    callbacks = Callbacks(bus, delivery, secrets, settings.callbacks, patience=settings.callback_patience)
    try:
        await runtime.run([], [web.run, callbacks.run])
    finally:
        await delivery.close()
        for channel in channels.values():
            await channel.close()


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
