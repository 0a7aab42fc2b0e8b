"""`popek run`: what it prints, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from popek.hypervisor.running import Beside
from tests.cli.conftest import Popek
from tests.hypervisor.guest_files import write_guest

CLEAN = "pg74-clean/trap-and-emulate"
LEAKY = "pg74/trap-and-emulate"


def test_a_guest_that_agrees(popek: Popek, tmp_path: Path) -> None:
    ran = popek("run", write_guest("pg74", "kernel", tmp_path), "--under", CLEAN)
    assert ran.code == 0, ran.err
    assert "then the guest waits for an interrupt that cannot come" in ran.out


def test_a_guest_that_differs(popek: Popek, tmp_path: Path) -> None:
    ran = popek("run", write_guest("pg74", "lra", tmp_path), "--under", LEAKY)
    assert ran.code == 1, ran.err
    assert ran.out.splitlines()[-4:] == [
        "differ, after 1 step that agree: what the guest sees differs",
        "       2  0011  supervisor  lra 2, 7                  a[0x2] = 0x133",
        "          bare  virtualized",
        "  a[0x2]  0x7   0x133",
    ]


def test_the_trace_shows_levels_instructions_traps_handlers_and_changes(
    popek: Popek, tmp_path: Path
) -> None:
    guest = write_guest("pg74", "kernel", tmp_path)
    options = ("--trace", "--steps", "8", "--host", "timer = 99")
    ran = popek("run", guest, "--under", CLEAN, *options)
    assert ran.code == 0
    design = "designs/pg74-clean/trap-and-emulate.hv:"
    lines = [line.split(design)[0] for line in ran.out.splitlines()]
    assert lines[4:10] == [
        "     5  0014  supervisor  ldi 10, 6                 a[0xa] = 0x6",
        "     6  0015  supervisor  stm 10                    timer = 0x6",
        "        privileged_operation: ",
        "        interprets STM",
        "     7  0016  supervisor  lpsw 0x3b                 R.l = 0x60, R.b = 0x20, M = 0x1",
        "        privileged_operation: ",
    ]
    assert "  user  " in lines[11]


def test_the_document(popek: Popek, tmp_path: Path) -> None:
    guest = write_guest("pg74", "jrst1", tmp_path)
    ran = popek("run", guest, "--under", LEAKY, "--json", "--trace")
    assert ran.code == 1
    assert ran.json["schema"] == "popek.run/1"
    (result,) = ran.json["results"]
    assert result["agrees"] is False and result["steps"] == 0
    assert result["design"]["path"] == "designs/pg74/trap-and-emulate.hv"
    assert result["difference"]["at"]["instruction"] == "jrst1 0x11"
    assert result["difference"]["components"] == [
        {"component": "M", "index": None, "bare": 1, "virtualized": 0}
    ]
    assert [one["step"] for one in result["trace"]] == [1]
    again = popek("run", guest, "--under", LEAKY, "--json", "--trace").json["results"][0]
    assert {**again, "stats": None} == {**result, "stats": None}


def test_a_nest(popek: Popek, tmp_path: Path) -> None:
    guest = write_guest("pg74", "kernel", tmp_path)
    ran = popek("run", guest, "--under", CLEAN, "--under", CLEAN, "--steps", "50", "--json")
    assert ran.code == 0
    assert len(ran.json["results"][0]["designs"]) == 2


def test_a_flat_image(popek: Popek, tmp_path: Path) -> None:
    guest = write_guest("pg74", "lra", tmp_path)
    ran = popek("run", guest.with_suffix(".bin"), "--under", CLEAN, "--steps", "2")
    assert ran.code == 0, ran.err
    assert "agree: 2 steps\n" in ran.out


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--under", CLEAN, "--host", "sise = 8"),
        ("--under", CLEAN, "--host", "size = loaded"),
        ("--under", CLEAN, "--interrupt", "timer = 8"),
        ("--under", CLEAN, "--under", LEAKY),
        ("--under", CLEAN, "--steps", "0"),
    ],
)
def test_wrong_usage(popek: Popek, tmp_path: Path, options: tuple[str, ...]) -> None:
    ran = popek("run", write_guest("pg74", "lra", tmp_path), *options)
    assert ran.code == 2
    assert ran.out == ""


def test_an_interrupt_of_the_users_leaves_a_partial_result(
    popek: Popek, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = Beside._turn

    def interrupted(self: Beside) -> None:
        if self.steps == 3:
            raise KeyboardInterrupt
        turn(self)

    monkeypatch.setattr(Beside, "_turn", interrupted)
    ran = popek("run", write_guest("pg74", "kernel", tmp_path), "--under", CLEAN, "--json")
    assert ran.code == 130
    (result,) = json.loads(ran.out)["results"]
    assert result["partial"] is True and result["steps"] == 3
