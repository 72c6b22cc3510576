"""Copying a folder out of the object store before a server starts."""

from pathlib import Path

import pytest

from reelmill_kit.commands.fetch import fetch
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.memory_store import MemoryStore


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.put("models/xl/model/model_index.json", b"{}", "")
    await store.put("models/xl/model/unet/weights.safetensors", b"12345", "")
    await store.put("models/xl-other/model_index.json", b"other", "")
    return store


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_a_folder_is_copied_as_it_lies_and_nothing_beside_it(
    store: MemoryStore, tmp_path: Path
) -> None:
    assert await fetch(store, "models/xl", tmp_path) == 2
    files = files_of(tmp_path)
    assert files == ["model/model_index.json", "model/unet/weights.safetensors"]
    assert (tmp_path / "model/unet/weights.safetensors").read_bytes() == b"12345"


async def test_what_is_there_is_left_and_what_has_another_size_is_fetched(
    store: MemoryStore, tmp_path: Path
) -> None:
    (tmp_path / "model/unet").mkdir(parents=True)
    (tmp_path / "model/model_index.json").write_bytes(b"[]")
    (tmp_path / "model/unet/weights.safetensors").write_bytes(b"123")
    await fetch(store, "/models/xl/", tmp_path)
    assert (tmp_path / "model/model_index.json").read_bytes() == b"[]"
    assert (tmp_path / "model/unet/weights.safetensors").read_bytes() == b"12345"


async def test_an_empty_prefix_is_said_to_be_empty(store: MemoryStore, tmp_path: Path) -> None:
    with pytest.raises(ReelmillError, match="nothing lies below") as error:
        await fetch(store, "models/none", tmp_path)
    assert error.value.reason is Reason.NOT_FOUND


async def test_a_key_that_leads_out_of_the_folder_is_refused(store: MemoryStore, tmp_path: Path) -> None:
    await store.put("models/xl/../../etc/passwd", b"x", "")
    with pytest.raises(ExceptionGroup) as error:
        await fetch(store, "models/xl", tmp_path / "in")
    assert error.value.subgroup(ReelmillError)
    assert not (tmp_path / "etc").exists()
