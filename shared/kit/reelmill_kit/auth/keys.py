"""The public keys that tokens are signed with: a JWKS document from a file or an address, and renewed."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import jwt

from ..errors import Reason, ReelmillError
from ..telemetry import logger

_TIMEOUT = 5.0


class KeySet:
    """Keys by their id.

    They are read again after `lifespan` seconds, so that a key that was taken away is taken away here, and
    when a token names one that is not known, but never sooner than `pause` seconds after the last time:
    strangers' tokens cause no storm. Where they cannot be read, the ones from before stay.
    """

    def __init__(
        self, read: Callable[[], jwt.PyJWKSet], source: str, *, lifespan: float, pause: float
    ) -> None:
        """`read` may block; `source` names it to people."""
        self._read = read
        self._source = source
        self._lifespan = lifespan
        self._pause = pause
        self._keys: dict[str | None, jwt.PyJWK] | None = None
        self._due = self._allowed = float("-inf")
        self._reads = 0
        self._reading = asyncio.Lock()

    @classmethod
    def of_file(cls, file: Path, *, lifespan: float = 30.0, pause: float = 1.0) -> "KeySet":
        return cls(
            lambda: jwt.PyJWKSet.from_json(file.read_text()), str(file), lifespan=lifespan, pause=pause
        )

    @classmethod
    def of_address(cls, url: str, *, lifespan: float = 300.0, pause: float = 10.0) -> "KeySet":
        """`url`: http(s)://..; what the issuer calls its jwks_uri."""
        client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT)
        return cls(client.get_jwk_set, url, lifespan=lifespan, pause=pause)

    async def get(self, kid: str | None) -> jwt.PyJWK | None:
        """The key with this id, None where there is none; without an id, the only key.

        Raises NOT_READY where no keys could be read so far.
        """
        if time.monotonic() >= self._due and not (self._reading.locked() and self._keys):
            await self._renew()
        if (found := self._find(kid)) is None:
            await self._renew()
            found = self._find(kid)
        return found

    async def check(self) -> None:
        """Raises NOT_READY where no keys could be read so far."""
        await self.get(None)

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        if self._keys is None:
            raise ReelmillError(
                Reason.NOT_READY,
                f"the keys that tokens are checked with cannot be read from {self._source}; try again later",
            )
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def _renew(self) -> None:
        before = self._reads
        async with self._reading:
            now = time.monotonic()
            if self._reads != before or now < self._allowed:
                return
            self._allowed = self._due = now + self._pause
            try:
                found = await asyncio.to_thread(self._read)
            except (jwt.PyJWTError, OSError, ValueError) as error:
                logger().warning(
                    "keys for tokens cannot be read", source=self._source, error=type(error).__name__
                )
                return
            finally:
                self._reads += 1
            self._keys = {key.key_id: key for key in found.keys if key.public_key_use in (None, "sig")}
            self._due = now + self._lifespan
