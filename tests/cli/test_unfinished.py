"""What the commands say of saves that never finished."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orbscan.cli import main
from tests.reading.steps.support import write_step
from tests.support import handmade
from tests.support.handmade import Array

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    Copy = Callable[[str, str], Path]


def test_below_a_root_what_is_unfinished_is_counted_and_no_damage(
    copy: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = tmp_path
    copy("o0.12.8-v1/ckpt", "old.partial_save")
    copy("o0.12.8-v1-partial/open.partial_save", "new.partial_save")
    copy("o0.12.8-manager/run/0", "0")
    copy("o0.12.8-manager/run/0", "10.orbax-checkpoint-tmp")
    assert main(["verify", str(partial)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "4 checkpoints: 1 ok, 0 damaged, 0 leaves lost, 3 uncommitted"
    told = [line for line in lines if ": uncommitted: " in line]
    assert len(told) == 3
    assert main(["verify", "--strict", str(partial)]) == 1
    assert main(["verify", str(partial / "10.orbax-checkpoint-tmp")]) == 1
    capsys.readouterr()
    main(["verify", "-o", "json", str(partial)])
    documents = map(json.loads, capsys.readouterr().out.splitlines())
    assert [document.get("committed", True) for document in documents].count(False) == 3


def test_a_save_that_was_killed_early_says_what_can_be_had_of_it(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = copy("o0.12.8-killed-v1-early/ckpt.orbax-checkpoint-tmp", "c.orbax-checkpoint-tmp")
    assert main(["show", str(killed)]) == 3
    assert "its name is temporary" in capsys.readouterr().err
    assert main(["show", str(killed), "--uncommitted"]) == 3
    assert '"state" has no _METADATA yet: --recover' in capsys.readouterr().err
    assert main(["show", str(killed), "--uncommitted", "--recover"]) == 0
    assert "params.dense.kernel" in capsys.readouterr().out


def test_a_leftover_in_a_checkpoint_is_counted_and_an_error_only_if_strict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = handmade.write(tmp_path / "root", {None: {"w": Array((2,))}})
    (root / "w" / "0").write_bytes(bytes(8))
    write_step(root, "100")
    write_step(root, "200.orbax-checkpoint-tmp", committed=False)
    assert main(["verify", str(root)]) == 0
    assert "3 checkpoints: 2 ok, 0 damaged, 0 leaves lost, 1 uncommitted" in capsys.readouterr().out
    assert main(["verify", "--strict", str(root)]) == 1
