"""Calls of addresses that others chose: a host is looked up once, checked, and called at what was checked."""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore2

from reelmill_kit.destinations import Destinations


class RefusedAddress(httpcore2.ConnectError):
    """The host stands for an address that nothing may be sent to."""


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Between the check and the call no name is looked up again."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("its name was not found in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("its name is not known") from error
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        for address in addresses:
            if not self._destinations.permits(host, ip_address(address)):
                raise RefusedAddress("its name stands for an address inside, which is not allowed")
        return await self._network.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        raise RefusedAddress("a socket of this machine is not allowed")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
