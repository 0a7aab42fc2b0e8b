from pathlib import Path

import pytest

from popek import resources
from popek.diagnostics import PopekError
from popek.resources import (
    bundled,
    design_path,
    list_designs,
    list_specs,
    shown_path,
    spec_path,
)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two specs and a design; the working directory is elsewhere."""
    for name in ["popek/x.py", "specs/ia32.isa", "specs/pg74.isa", "designs/ia32/full.hv"]:
        (tmp_path / "house" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "house" / name).write_text("")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "house" / "popek")
    return tmp_path / "house"


def test_the_real_ones_are_found() -> None:
    assert bundled("specs").is_dir()
    assert bundled("grammars").is_dir()
    for name in list_specs():
        assert spec_path(name).is_file()
    for name in list_designs():
        assert design_path(name).is_file()


def test_checkout(house: Path) -> None:
    assert bundled("specs") == house / "specs"
    assert list_specs() == ("ia32", "pg74")
    assert list_designs() == ("ia32/full",)


def test_installed_data_wins(house: Path) -> None:
    (house / "popek" / "_data" / "specs").mkdir(parents=True)
    assert bundled("specs") == house / "popek" / "_data" / "specs"
    assert bundled("designs") == house / "designs"


def test_names(house: Path) -> None:
    assert spec_path("ia32") == house / "specs" / "ia32.isa"
    assert design_path("ia32/full") == house / "designs" / "ia32" / "full.hv"


def test_a_folder_does_not_hide_a_bundled_name(house: Path) -> None:
    Path("ia32").mkdir()
    assert spec_path("ia32") == house / "specs" / "ia32.isa"
    assert design_path("ia32") == Path("ia32")


def test_a_folder_without_a_bundled_name_is_a_path(house: Path) -> None:
    Path("mine").mkdir()
    assert spec_path("mine") == Path("mine")
    assert spec_path(".") == Path()


def test_a_file_does(house: Path) -> None:
    Path("ia32").write_text("")
    assert spec_path("ia32") == Path("ia32")


def test_paths_are_taken_as_they_are(house: Path) -> None:
    assert spec_path("missing.isa") == Path("missing.isa")
    assert spec_path("../ia32") == Path("../ia32")
    assert spec_path(Path("a") / "b") == Path("a") / "b"
    assert design_path("missing.hv") == Path("missing.hv")


@pytest.mark.parametrize(("name", "hint"), [("ia23", "did you mean ia32?"), ("", ""), ("a\0", "")])
def test_unknown_names(house: Path, name: str, hint: str) -> None:
    with pytest.raises(PopekError) as error:
        spec_path(name)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E0010"
    assert diagnostic.hint == hint or "ia32, pg74" in diagnostic.hint


def test_unknown_design(house: Path) -> None:
    with pytest.raises(PopekError, match=r"did you mean ia32/full\?"):
        design_path("ia32-full")


def test_bundled_files_are_shown_alike_from_everywhere(house: Path) -> None:
    assert shown_path(spec_path("ia32")) == "specs/ia32.isa"
    assert shown_path(house / "designs" / "ia32" / "full.hv") == "designs/ia32/full.hv"
    assert shown_path("my.isa") == "my.isa"
    assert shown_path("./my.isa") == "./my.isa"
