"""What nvidia-smi prints, whole and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunewell.readers.nvidia import NvidiaGpu, parse, read_gpus, visible

MIB = 2**20
TWO = """\
0, GPU-5a1c3f0e-0000-0000-0000-000000000001, NVIDIA H100 80GB HBM3, 81559, 80995, 9.0
1, GPU-7b2d4a1f-0000-0000-0000-000000000002, Tesla T4, 15360, 15095, 7.5
"""


def program(folder: Path, text: str) -> None:
    """Something that answers as nvidia-smi."""
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others in which programs are looked for."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def test_parses_each_gpu() -> None:
    """Memory in bytes, capability times ten."""
    first, second = parse(TWO)
    uuid = "GPU-5a1c3f0e-0000-0000-0000-000000000001"
    name = "NVIDIA H100 80GB HBM3"
    assert first == NvidiaGpu("0", uuid, name, 81559 * MIB, 80995 * MIB, 90)
    assert (second.name, second.capability) == ("Tesla T4", 75)


def test_leaves_out_what_is_no_gpu() -> None:
    """Broken lines, sentences, and GPUs without memory of their own."""
    assert parse("") == ()
    assert parse("No devices were found") == ()
    assert parse("0, GPU-a, NVIDIA GB10, [N/A], [N/A], 12.1") == ()
    (gpu,) = parse("0, GPU-a, Tesla T4, 15360, [N/A]\nbroken, [N/A]")
    assert (gpu.free, gpu.capability) == (None, None)
    (gpu,) = parse("0, GPU-a, Tesla T4, 15360, 15095, [N/A]")
    assert gpu.capability is None


def test_asks_the_program(path: Path) -> None:
    """And reads its answer."""
    program(path, f"cat <<'END'\n{TWO}END")
    assert read_gpus() == parse(TWO)


def test_asks_an_old_driver_again(path: Path) -> None:
    """A driver before 510 refuses the question with compute_cap, as recorded."""
    program(
        path,
        """case "$1" in
*compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;;
*) echo '0, GPU-a, Tesla T4, 15109, 15000';;
esac""",
    )
    (gpu,) = read_gpus()
    assert (gpu.name, gpu.total, gpu.capability) == ("Tesla T4", 15109 * MIB, None)


def test_no_driver_no_program(path: Path) -> None:
    """An installed program without a driver fails; where there is none, nothing is asked."""
    program(path, "echo 'NVIDIA-SMI has failed because it could not communicate'; exit 9")
    assert read_gpus() == ()
    (path / "nvidia-smi").write_text("no program", encoding="utf-8")
    assert read_gpus() == ()
    (path / "nvidia-smi").unlink()
    assert read_gpus() == ()


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("0,1", ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
        ("1", ["Tesla T4"]),
        ("1, 0", ["Tesla T4", "NVIDIA H100 80GB HBM3"]),
        ("GPU-7b2d", ["Tesla T4"]),
        ("", []),
        ("-1", []),
        ("1,-1,0", ["Tesla T4"]),
        ("MIG-1234", ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
        ("GPU-", ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
    ],
)
def test_hidden_gpus_do_not_count(value: str, names: list[str]) -> None:
    """nvidia-smi shows all, a process sees those that CUDA_VISIBLE_DEVICES names."""
    kept = visible(parse(TWO), {"CUDA_VISIBLE_DEVICES": value})
    assert [gpu.name for gpu in kept] == names


def test_all_count_where_none_are_named() -> None:
    """Without the variable."""
    assert visible(parse(TWO), {}) == parse(TWO)
