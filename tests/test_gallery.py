"""The gallery is what examples/gallery.py draws."""

import re

import pytest

import tinygrad_bp as tg
from examples import gallery
from examples.gallery_of_others import OTHERS


@pytest.fixture(scope="module")
def figures():
    return gallery.figures()


def test_the_dot_files_are_up_to_date(figures):
    for name, drawing in figures.items():
        assert (gallery.GRAPHS / f"{name}.dot").read_text(encoding="utf-8") == drawing.dot, name


def test_every_picture_of_the_folder_is_drawn_by_it(figures):
    kept = {path.stem for path in gallery.GRAPHS.iterdir() if path.suffix in (".dot", ".svg")}
    assert kept == {*figures, *OTHERS, "activations", "difference", "learning"}
    assert {path.stem for path in (gallery.GRAPHS / "activations").iterdir()} == set(tg.nn.ACTIVATIONS)


def test_the_page_of_the_folder_shows_every_picture(figures):
    text = (gallery.GRAPHS / "README.md").read_text(encoding="utf-8")
    shown = {*figures, *OTHERS, "activations", "difference", "learning"}
    assert set(re.findall(r"\]\((\w+)\.svg\)", text)) == shown


def test_main_writes_dot_and_svg(tmp_path, monkeypatch, figures):
    monkeypatch.setattr(gallery, "figures", lambda: {"article_both": figures["article_both"]})
    lines = []
    gallery.main(tmp_path, lines.append)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == [
        "activations", "activations.svg", "article_both.dot", "article_both.svg", "difference.svg", "learning.svg",
    ]  # fmt: skip
    assert lines[0] == "article_both: .dot, .svg"
    assert len(list((tmp_path / "activations").iterdir())) == len(tg.nn.ACTIVATIONS)
