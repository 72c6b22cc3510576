"""The movies process."""

import asyncio

from pydantic import ValidationError

from reelmill.v1 import movies_pb2_grpc
from reelmill_kit.bus import Bus
from reelmill_kit.destinations import Destinations, DestinationSettings
from reelmill_kit.runtime import Runtime
from reelmill_kit.store import S3Store
from reelmill_kit.tls import Certificates, TlsSettings

from .batches.controller import BatchController
from .batches.repository import BatchRepository
from .batches.requests import BatchChecker
from .batches.themes import ScriptService
from .controller import Controller, now
from .forecast import MovieForecaster
from .intake import Intake
from .neighbours import Neighbour
from .quotas import Quotas
from .repository import MovieRepository
from .requests import RequestChecker
from .service import MovieServicer
from .settings import MoviesSettings
from .turnstile import Turnstile
from .upkeep import Upkeep
from .usage import UsageBook
from .usage_metrics import UsageMetrics


async def serve() -> None:
    settings = MoviesSettings()
    store, bus = S3Store(settings), Bus(settings, "movies")
    runtime = Runtime("movies", settings, bus)
    runtime.needs("object store", store.check)

    movies = MovieRepository(bus, store)
    turnstile = Turnstile(bus, frame_window=settings.frame_window, weights=settings.project_weights)
    usage = UsageBook(store, movies)
    quotas = Quotas(usage, settings.project_limits, now)
    controller = Controller(bus, store, movies, turnstile, usage, quotas)
    destinations = Destinations.configured(DestinationSettings())
    checker = RequestChecker(store, settings.model_name, destinations)
    batches = BatchRepository(bus, store)
    token, certificates = settings.service_token_file, Certificates.configured(TlsSettings())
    script = Neighbour("script", settings.script_server, token, certificates)
    qa = Neighbour("qa", settings.qa_server, token, certificates)
    inventor = ScriptService(script) if settings.script_server else None
    batch_controller = BatchController(bus, batches, movies, controller, quotas, inventor)
    batch_checker = BatchChecker(checker, can_invent=inventor is not None)
    intake = Intake(bus, controller, checker)
    upkeep = Upkeep(controller, movies, batch_controller, batches, settings.reconcile_interval)
    forecaster = MovieForecaster(script, qa)
    servicer = MovieServicer(
        controller, movies, checker, batch_controller, batches, batch_checker, forecaster, usage, quotas
    )

    try:
        await runtime.run(
            [(movies_pb2_grpc.add_MovieServiceServicer_to_server, servicer, "reelmill.v1.MovieService")],
            [
                upkeep.run,
                UsageMetrics(movies, usage, quotas, settings.reconcile_interval).run,
                turnstile.run,
                batch_controller.run,
                intake.requests,
                intake.stage_events,
                intake.frames,
            ],
        )
    finally:
        await script.close()
        await qa.close()


def main() -> None:
    try:
        asyncio.run(serve())
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from None
