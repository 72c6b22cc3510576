"""Which judge the local stack takes, and whether its gate is on."""

from pathlib import Path

import pytest

from reelmill_local import services


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A starter model with its judge, and no settings."""
    for name in ("REELMILL_DIFFUSION_MODEL", "REELMILL_JUDGE_MODEL", "REELMILL_JUDGE_BANK", "REELMILL_GATE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "judge" / "bank").mkdir(parents=True)
    monkeypatch.setattr(services, "starter", lambda: tmp_path)
    return tmp_path


def test_the_starter_models_pictures_are_judged_by_its_own_judge(checkout: Path) -> None:
    judge = services.judge_model()
    assert judge == checkout / "judge"
    assert services.judge_bank(judge) == checkout / "judge" / "bank"


def test_another_models_pictures_are_not_judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REELMILL_DIFFUSION_MODEL", str(tmp_path / "sdxl"))
    assert services.judge_model() is None


def test_another_models_pictures_are_judged_where_the_gate_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    monkeypatch.setenv("REELMILL_DIFFUSION_MODEL", str(checkout / "sdxl"))
    monkeypatch.setenv("REELMILL_GATE", "on")
    assert services.judge_model() == checkout / "judge"


def test_a_judge_that_is_named_is_taken_with_our_bank_if_it_has_none(
    monkeypatch: pytest.MonkeyPatch, checkout: Path
) -> None:
    monkeypatch.setenv("REELMILL_DIFFUSION_MODEL", str(checkout / "sdxl"))
    monkeypatch.setenv("REELMILL_JUDGE_MODEL", str(checkout / "clip"))
    judge = services.judge_model()
    assert judge == checkout / "clip"
    assert services.judge_bank(judge) == checkout / "judge" / "bank"
    monkeypatch.setenv("REELMILL_JUDGE_BANK", str(checkout / "mine"))
    assert services.judge_bank(judge) == checkout / "mine"


def test_a_checkout_without_a_judge_judges_nothing(checkout: Path) -> None:
    (checkout / "judge" / "bank").rmdir()
    (checkout / "judge").rmdir()
    assert services.judge_model() is None
