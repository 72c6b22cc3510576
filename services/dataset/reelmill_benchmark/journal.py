"""Answers of models as they come, with what each has cost: who breaks off goes on and pays for none twice."""

import asyncio
import json
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reelmill_kit import tasks
from reelmill_kit.errors import invalid
from reelmill_kit.store import ObjectStore
from reelmill_llm import Usage

T = TypeVar("T", bound=BaseModel)
Row = dict[str, Any]
_READ_AT_A_TIME = 16


class Journal:
    """In memory; what keeps it for longer says where rows are written."""

    def __init__(self) -> None:
        self._known: dict[str, Row] = {}
        self._cost: dict[str, Usage] = {}
        self.total = Usage()
        """What all of it has cost."""

    def find(self, key: str, model: type[T]) -> T | None:
        """None, too, where the answer is not of this form: another version's."""
        try:
            return model.model_validate(self._known[key]) if key in self._known else None
        except ValidationError:
            return None

    def cost(self, key: str) -> Usage:
        """What an answer had cost, and tries before that could not be used."""
        return self._cost.get(key, Usage())

    async def keep(self, key: str, answer: BaseModel | None, usage: Usage) -> None:
        """`answer`: None where none could be used; it is asked for again, but was paid."""
        row: Row = {"key": key, "answer": answer and answer.model_dump(), "usage": asdict(usage)}
        self._learn(row)
        await self._write(row)

    def _learn(self, row: Row) -> None:
        """Raises ValueError, KeyError or TypeError for what is no row."""
        usage = Usage(**row.get("usage", {}))
        if row["answer"] is not None:
            self._known[row["key"]] = row["answer"]
        self._cost[row["key"]] = self.cost(row["key"]) + usage
        self.total += usage

    async def _write(self, row: Row) -> None: ...


class FileJournal(Journal):
    """JSON Lines; the file may be killed at any byte."""

    def __init__(self, path: Path) -> None:
        """Raises INVALID_FIELD where a line before the last cannot be read."""
        super().__init__()
        self._path = path
        if path.exists():
            self._read()

    async def _write(self, row: Row) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _read(self) -> None:
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._learn(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise invalid(f"{self._path.name}:{number}", "is no line of a journal; remove it") from error
        if len(whole) < len(data):
            # A process died while it wrote its last line.
            with self._path.open("r+b") as file:
                file.truncate(len(whole))


class StoredJournal(Journal):
    """One object a row below a prefix of the object store: several may write at once."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        super().__init__()
        self._store = store
        self._prefix = prefix

    @classmethod
    async def open(cls, store: ObjectStore, prefix: str) -> "StoredJournal":
        """With all that is there; what cannot be read is asked for again. Raises STORE_UNAVAILABLE."""
        journal = cls(store, prefix)
        waiting = iter(await store.list(prefix))

        async def read() -> None:
            for info in waiting:
                try:
                    journal._learn(json.loads(await store.get(info.key)))
                except (ValueError, KeyError, TypeError):
                    continue

        work = [asyncio.create_task(read()) for _ in range(_READ_AT_A_TIME)]
        try:
            await asyncio.gather(*work)
        finally:
            await tasks.end(work)
        return journal

    async def _write(self, row: Row) -> None:
        # Of a question that was asked twice both costs count.
        name = f"{row['key'][:32]}-{uuid.uuid4().hex[:8]}.json"
        await self._store.put(f"{self._prefix}{name}", json.dumps(row).encode(), "application/json")
