"""An ObjectStore in memory, for unit tests of domain code; it passes the same contract suite as S3."""

import asyncio
from pathlib import Path

from .errors import Reason, ReelmillError
from .store import ObjectInfo


class MemoryStore:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.objects[key] = data
        self.content_types[key] = content_type

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        await self.put(key, await asyncio.to_thread(path.read_bytes), content_type)

    async def put_new(self, key: str, data: bytes, content_type: str) -> bool:
        if key in self.objects:
            return False
        await self.put(key, data, content_type)
        return True

    async def copy(self, source: str, target: str) -> None:
        await self.put(target, await self.get(source), self.content_types.get(source, ""))

    async def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise ReelmillError(Reason.NOT_FOUND, f"no object {key!r}", key=key)
        return self.objects[key]

    async def get_file(self, key: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, await self.get(key))

    async def exists(self, key: str) -> bool:
        return key in self.objects

    async def list(self, prefix: str) -> list[ObjectInfo]:
        return [ObjectInfo(k, len(v)) for k, v in sorted(self.objects.items()) if k.startswith(prefix)]

    async def delete_prefix(self, prefix: str) -> None:
        for key in [k for k in self.objects if k.startswith(prefix)]:
            del self.objects[key]

    async def check(self) -> None:
        return None

    def uri(self, key: str) -> str:
        return f"memory://{key}"
