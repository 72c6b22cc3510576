"""Keys of services reach what each service stores, by the names that it stores them under."""

from fnmatch import fnmatchcase

import pytest

from reelmill_kit.names import BatchName, MovieName, ProjectName, ReleaseName
from reelmill_kit.rights.store import PROBE, SERVICES, rights

PROJECT, MOVIE = ProjectName("acme"), MovieName("acme", "m-1")
BATCH, RELEASE = BatchName("acme", "b-1"), ReleaseName("acme", "v1.0")
STYLE = PROJECT.style_prefix("d")
STORED = {
    "movies": [MOVIE.request_key, BATCH.record_key, BATCH.themes_key("d" * 64), BATCH.plot_key(MOVIE),
               f"{PROJECT.usage_prefix}m-1-0.0.json"],
    "script": [MOVIE.script_key, f"{MOVIE}/script/outline-d.json", f"{MOVIE}/script/lineage.json",
               f"{PROJECT}/themes/themes-d.json"],
    "style": [f"{STYLE}style.json", f"{STYLE}characters/d/lineage.json", f"{STYLE}casts/d.safetensors"],
    "render": [MOVIE.frame_key(1), MOVIE.lineage_key(1)],
    "qa": [MOVIE.questions_key, MOVIE.captions_key, f"{MOVIE}/qa/actions-d.json"],
    "dataset": [MOVIE.export_key("film.mp4"), MOVIE.manifest_key, RELEASE.record_key,
                f"{RELEASE.files_prefix('d')}x", f"{RELEASE.attempts_prefix}d",
                f"{RELEASE.report_prefix('d')}report.json", f"{RELEASE.judgements_prefix('d')}1.json"],
}  # fmt: skip


def reaches(patterns: tuple[str, ...], key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_write_and_read_what_it_stores_and_nothing_that_others_store(service: str) -> None:
    has = rights(service)
    for key in (*STORED[service], PROBE):
        assert reaches(has.write, key), key
        assert reaches(has.read, key), key
    # The front door deletes movies whole.
    others = [key for other, keys in STORED.items() if other != service for key in keys]
    for key in others:
        deletes = service == "movies" and key.startswith(MOVIE.prefix)
        assert reaches(has.write, key) is deletes, key
