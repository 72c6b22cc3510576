"""What the demo shows: contact sheet and storyboard."""

from pathlib import Path

import pytest
from PIL import Image

from reelmill.v1 import qa_pb2, script_pb2
from reelmill_local.demo import storyboard as board
from reelmill_local.demo.contact_sheet import contact_sheet

NASTY = '<script>alert("x")</script>'


@pytest.fixture
def script() -> script_pb2.Script:
    frames = [
        script_pb2.Frame(
            index=i, description=f"Frame {i} of the story, which goes on", prompt=f"a prompt {i}"
        )
        for i in range(4)
    ]
    frames[1].dialogue.add(speaker="Mara", text=NASTY)
    scenes = [
        script_pb2.Scene(index=i, title=f"Scene {i}", frames=frames[2 * i : 2 * i + 2]) for i in range(2)
    ]
    chapter = script_pb2.Chapter(index=0, title="The first", summary=NASTY, scenes=scenes)
    style = script_pb2.StyleText(keyword="noir", description="hard shadows")
    return script_pb2.Script(title=NASTY, overview="They meet.", style=style, chapters=[chapter])


@pytest.fixture
def frames(tmp_path: Path) -> dict[int, Path]:
    (tmp_path / "frames").mkdir()
    files = {i: tmp_path / "frames" / f"{i:06d}.png" for i in range(3)}  # the fourth is missing
    for i, file in files.items():
        Image.new("RGB", (32, 32), (200, 10 * i, 0)).save(file)
    return files


def questions() -> qa_pb2.QuestionSet:
    evidence = [qa_pb2.Evidence(frame=1, lines=[0]), qa_pb2.Evidence(frame=3)]
    question = qa_pb2.Question(
        id="q-1", question="Who speaks?", answer="Mara.", kind=qa_pb2.Question.KIND_PLOT, evidence=evidence
    )
    return qa_pb2.QuestionSet(questions=[question])


def test_the_storyboard_holds_every_picture_line_and_question(
    script: script_pb2.Script, frames: dict[int, Path], tmp_path: Path
) -> None:
    page = board.storyboard(script, questions(), frames, page_folder=tmp_path)
    assert page.count("data:image/png;base64,") == len(frames)
    assert "no picture" in page
    assert "Who speaks?" in page
    assert 'href="#frame-1"' in page
    assert "a prompt 2" in page
    assert "http://" not in page
    assert "https://" not in page


def test_what_a_writer_wrote_cannot_become_part_of_the_page(
    script: script_pb2.Script, frames: dict[int, Path], tmp_path: Path
) -> None:
    page = board.storyboard(script, questions(), frames, page_folder=tmp_path)
    assert NASTY not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page


def test_a_long_movie_refers_to_the_files_beside_the_page(
    script: script_pb2.Script, frames: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "EMBED_AT_MOST", 2)
    page = board.storyboard(script, questions(), frames, page_folder=tmp_path)
    assert "data:image" not in page
    assert 'src="frames/000002.png"' in page


def test_the_contact_sheet_shows_every_frame_where_its_scene_is(
    script: script_pb2.Script, frames: dict[int, Path]
) -> None:
    sheet = contact_sheet(script, frames)
    picture = {colour for _, colour in sheet.getcolors(1 << 24) or []}
    assert {(200, 0, 0), (200, 10, 0), (200, 20, 0)} <= picture
    assert sheet.height > 2 * 208
    assert sheet.width >= 640
