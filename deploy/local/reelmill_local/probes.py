"""Probes: each does, in small, what users of the server do. They raise while the server is not ready."""

import asyncio
import urllib.request
from pathlib import Path

import grpc
import nats
from grpc_health.v1 import health_pb2, health_pb2_grpc
from minio import Minio

from reelmill_local.spec import Probe

PROBE_TIMEOUT = 5.0


def nats_ready(url: str, seed: Path) -> Probe:
    """Ready when JetStream answers, not when the port is open. `seed`: the file of a user who may ask."""

    async def probe() -> None:
        client = await nats.connect(
            url,
            connect_timeout=PROBE_TIMEOUT,
            allow_reconnect=False,
            reconnect_time_wait=0.1,  # also the pause before a first connection is given up: 2 s by default
            error_cb=_ignore,
            nkeys_seed=str(seed),
        )
        try:
            await client.jetstream(timeout=PROBE_TIMEOUT).account_info()
        finally:
            await client.close()

    return probe


async def _ignore(_: Exception) -> None:
    """What the NATS client reports here, it raises as well."""


def s3_ready(endpoint: str, access_key: str, secret_key: str, bucket: str) -> Probe:
    """Ready when the bucket is there; makes it on the first start."""

    def make_bucket() -> None:
        client = Minio(
            endpoint, access_key=access_key, secret_key=secret_key, secure=False, region="us-east-1"
        )
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)

    async def probe() -> None:
        await asyncio.wait_for(asyncio.to_thread(make_bucket), PROBE_TIMEOUT)

    return probe


def http_ready(url: str) -> Probe:
    """Ready when the URL answers with 200."""

    def get() -> None:
        with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT) as answer:  # noqa: S310 - always http, of our own making
            answer.read()

    async def probe() -> None:
        await asyncio.to_thread(get)

    return probe


def grpc_ready(address: str) -> Probe:
    """Ready when gRPC health says SERVING for the server as a whole."""

    async def probe() -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError(
                f"health is {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"
            )

    return probe
