"""The wheel, installed outside the checkout, has all that popek needs.

Nothing is fetched: the build backend and popek's dependencies are those of this environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from popek import __version__
from popek.resources import list_specs

pytest.importorskip("hatchling", reason="the build backend, part of the test extra, is missing")

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


Installed = Callable[..., str]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Runs the installed `popek` in an empty folder; no checkout in sight."""
    home = tmp_path_factory.mktemp("home")
    venv = home / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=home)
    scripts = venv / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    library = Path(run(python, "-c", ask, cwd=home).strip())
    # Dependencies from here, by path; not popek itself, of which only the editable install's hook
    # is here, and hooks are not run from a folder that a .pth file names.
    (library / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--no-index", "--no-deps", "--ignore-installed", wheel, cwd=home)
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    kept["XDG_CACHE_HOME"] = str(home / "cache")

    def popek(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [str(scripts / "popek"), *arguments],
            cwd=elsewhere,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, "")
        return done.stdout

    where = run(python, "-c", "import popek; print(popek.__file__)", cwd=elsewhere)
    assert Path(where.strip()).is_relative_to(library)
    return popek


def test_all_data_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for folder in ("grammars", "specs", "designs"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                name = f"popek/_data/{folder}/{path.relative_to(ROOT / folder).as_posix()}"
                assert name in names
    assert "popek/py.typed" in names
    assert not any(name.startswith(("tests", "docs", "benchmarks")) for name in names)


def test_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (name,) = (n for n in file.namelist() if n.endswith(".dist-info/METADATA"))
        lines = file.read(name).decode().splitlines()
    assert f"Version: {__version__}" in lines
    assert "Requires-Python: >=3.11" in lines
    for minor in (11, 12, 13, 14):
        assert f"Classifier: Programming Language :: Python :: 3.{minor}" in lines
    needs = {line.split()[1].split(">")[0] for line in lines if line.startswith("Requires-Dist")}
    assert {"click", "lark", "rich", "z3-solver"} <= needs


def test_check_anywhere(installed: Installed) -> None:
    (result,) = json.loads(installed("check", "pg74", "--json", code=1))["results"]
    assert result["spec"]["path"] == "specs/pg74.isa"
    assert result["mnemonics"]["JRST1"] == "critical"


def test_list_anywhere(installed: Installed) -> None:
    specs = json.loads(installed("list", "--json"))["specs"]
    assert [spec["name"] for spec in specs] == list(list_specs())


def test_doctor_finds_everything(installed: Installed) -> None:
    findings = json.loads(installed("doctor", "--json"))["findings"]
    assert [f for f in findings if f["state"] == "broken"] == []
