"""The table of GPUs holds together, and every name finds its GPU."""

from __future__ import annotations

import dataclasses
from collections import Counter

import msgspec
import pytest

from tunewell.knowledge import gpus
from tunewell.knowledge.gpus import Gpu, UnknownGpuError

EVERY = [pytest.param(gpu, id=gpu.name) for gpu in gpus.table()]
GEFORCE_FROM_AMPERE = 2.0
"""fp16 with fp32 accumulation against fp32: tensor cores of GeForce cards are halved for it."""


def expected_ratio(gpu: Gpu) -> tuple[float, float]:
    """Bounds of the 16-bit peak against fp32 by family, dense. With sparsity it is twice that."""
    if gpu.maker == "AMD":
        return (3.9, 8.1)
    by_capability = {
        60: (1.95, 2.05),
        70: (7.8, 8.2),
        75: (3.9, 4.1) if gpu.name.startswith("GeForce") else (7.8, 8.2),
        80: (15.8, 16.2),
        86: (3.9, 4.1),
        89: (3.9, 4.1),
        90: (13.8, 14.9),
        100: (29.5, 31.5),
        120: (3.9, 4.1),
    }
    capability = gpu.capability or 0
    if gpu.name.startswith("GeForce") and capability in {86, 89, 120}:
        return (0.98 * GEFORCE_FROM_AMPERE, 1.02 * GEFORCE_FROM_AMPERE)
    exceptions = {"A10G": (1.95, 2.05), "L40": (1.95, 2.05)}  # by their data sheets
    return exceptions.get(gpu.name, by_capability[capability])


@pytest.mark.parametrize("gpu", EVERY)
def test_every_value_is_possible(gpu: Gpu) -> None:
    """Positive, in the units that the field says, and with a source of its own."""
    assert 0.9 * gpu.memory_gib < gpu.memory_mib / 1024 < gpu.memory_gib
    assert gpu.memory_bytes == gpu.memory_mib * 2**20
    low, high = gpu.context_mib
    assert 100 < low <= high < 1600
    assert low * 2**20 <= gpu.context_bytes <= high * 2**20
    assert 150 < gpu.bandwidth_gb_s < 10_000
    assert 5 < gpu.link_gb_s < 1000
    assert 0 < gpu.tflops_32 < gpu.tflops_16 < 3000
    assert all(len(text) > 8 for text in msgspec.to_builtins(gpu.sources).values())


@pytest.mark.parametrize("gpu", EVERY)
def test_bf16_comes_with_ampere(gpu: Gpu) -> None:
    """A capability of 8.0, or AMD's."""
    assert gpu.bf16 == (gpu.maker == "AMD" or (gpu.capability or 0) >= 80)
    assert (gpu.capability is None) == (gpu.maker == "AMD")
    assert (gpu.tflops_tf32 is None) == (gpu.capability is None or gpu.capability < 80)


@pytest.mark.parametrize("gpu", EVERY)
def test_speeds_are_dense(gpu: Gpu) -> None:
    """The ratio to fp32 is its family's; that with sparsity, twice as high, is not."""
    low, high = expected_ratio(gpu)
    assert low <= gpu.tflops_16 / gpu.tflops_32 <= high
    if gpu.maker == "NVIDIA":
        assert not low <= 2 * gpu.tflops_16 / gpu.tflops_32 <= high


def test_known_traps() -> None:
    """What other tables have wrong."""
    l4, a10, a10g = (gpus.resolve(name).gpu for name in ("L4", "A10", "A10G"))
    assert (l4.bandwidth_gb_s, l4.tflops_16) == (300, 121)
    assert a10.tflops_16 > 1.5 * a10g.tflops_16
    assert gpus.resolve("H100").gpu.tflops_16 == 989
    assert gpus.resolve("T4").gpu.memory_mib == 14_912
    assert gpus.resolve("T4").gpu.context_mib == (141, 141)


def test_tf32_is_half_of_16_bits() -> None:
    """By NVIDIA's sheets: A100 156, L4 60, 4090 82.6."""
    assert gpus.resolve("A100").gpu.tflops_tf32 == 156
    assert gpus.resolve("4090").gpu.tflops_tf32 == pytest.approx(82.6)
    assert gpus.resolve("T4").gpu.tflops_tf32 is None


def test_names_and_aliases_are_unique() -> None:
    """No spelling finds two GPUs, and what is ambiguous is said to be."""
    plain = Counter(gpus.spelled(n) for gpu in gpus.table() for n in (gpu.name, *gpu.aliases))
    assert [name for name, count in plain.items() if count > 1] == []
    assumed = Counter(gpus.spelled(n) for entry in gpus.ambiguous() for n in entry.names)
    assert [name for name, count in assumed.items() if count > 1] == []
    names = {gpu.name for gpu in gpus.table()}
    assert all(entry.gpu in names for entry in gpus.ambiguous())
    aliases = {gpus.spelled(alias) for gpu in gpus.table() for alias in gpu.aliases}
    assert aliases.isdisjoint(assumed)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("L4", "L4"),
        ("l4", "L4"),
        ("A100-80GB", "A100-SXM4-80GB"),
        ("a100 80gb", "A100-SXM4-80GB"),
        ("A100_80G", "A100-SXM4-80GB"),
        ("NVIDIA A100-SXM4-80GB", "A100-SXM4-80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB PCIe"),
        ("A100-80GB-SXM", "A100-SXM4-80GB"),
        ("H100-SXM", "H100 80GB HBM3"),
        ("NVIDIA H100 80GB HBM3", "H100 80GB HBM3"),
        ("h100 80 GiB", "H100 80GB HBM3"),
        ("H100-NVL", "H100 NVL"),
        ("RTX 4090", "GeForce RTX 4090"),
        ("4090", "GeForce RTX 4090"),
        ("rtx-4090", "GeForce RTX 4090"),
        ("NVIDIA GeForce RTX 4090", "GeForce RTX 4090"),
        ("A10G", "A10G"),
        ("A10", "A10"),
        ("Tesla V100-SXM2-16GB", "V100-SXM2-16GB"),
        ("V100-32GB", "V100-SXM2-32GB"),
        ("RTX A6000", "RTX A6000"),
        ("RTXA6000", "RTX A6000"),
        ("A6000", "RTX A6000"),
        ("RTX6000-Ada", "RTX 6000 Ada Generation"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada Generation"),
        ("L40S", "L40S"),
        ("H200-SXM", "H200"),
        ("B200", "B200"),
        ("RTX 5090", "GeForce RTX 5090"),
        ("RTX4060Ti 16 GB", "GeForce RTX 4060 Ti"),
        ("Tesla T4", "T4"),
        ("P100", "P100-PCIE-16GB"),
        ("GH200", "GH200 480GB"),
        ("MI300X", "Instinct MI300X"),
        ("AMD Instinct MI300X", "Instinct MI300X"),
    ],
)
def test_names_of_clouds_drivers_and_people(written: str, name: str) -> None:
    """Each means one GPU, and nothing is assumed."""
    found = gpus.resolve(written)
    assert (found.gpu.name, found.assumed) == (name, None)
    assert gpus.find(written) is found.gpu


@pytest.mark.parametrize(
    ("written", "name", "other"),
    [
        ("A100", "A100-SXM4-40GB", "A100-80GB"),
        ("NVIDIA A100", "A100-SXM4-40GB", "A100-80GB"),
        ("V100", "V100-SXM2-16GB", "V100-32GB"),
        ("H100", "H100 80GB HBM3", "H100-NVL"),
        ("RTX 6000", "Quadro RTX 6000", "RTX-6000-Ada"),
        ("4060 ti", "GeForce RTX 4060 Ti", "8 GB"),
    ],
)
def test_ambiguous_names_say_what_is_assumed(written: str, name: str, other: str) -> None:
    """The one with less memory is taken, and the other is named."""
    found = gpus.resolve(written)
    assert found.gpu.name == name
    assert found.assumed is not None
    assert other in found.assumed
    assert found.gpu.name in found.assumed


@pytest.mark.parametrize(
    ("written", "close"),
    [
        ("RTX 409", "GeForce RTX 4090"),
        ("H100S", "H100"),
        ("t4g", "T4"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "GeForce RTX 4090"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "A100-SXM4-40GB"),
        ("Voodoo 2", "T4"),
        ("", "T4"),
    ],
)
def test_unknown_names_get_close_ones(written: str, close: str) -> None:
    """A laptop's 4090 and a part of an A100 are other GPUs: neither is taken for the whole."""
    assert gpus.find(written) is None
    with pytest.raises(UnknownGpuError, match="no GPU is known as") as caught:
        gpus.resolve(written)
    assert close in str(caught.value)
    assert "\n" not in str(caught.value)


def test_skypilot_names_find_their_gpu() -> None:
    """Or the one of the same chip and memory that goes by the same name there."""
    named = {gpu.name: gpu.skypilot for gpu in gpus.table() if gpu.skypilot is not None}
    assert len(named) > 30
    for name, skypilot in named.items():
        gpu, found = gpus.resolve(name).gpu, gpus.resolve(skypilot).gpu
        assert (found.capability, found.memory_gib) == (gpu.capability, gpu.memory_gib), name


def test_what_is_from_memory_says_so() -> None:
    """A report can tell values that were read from values that were not."""
    assert gpus.resolve("T4").gpu.sources.from_memory == ()
    assert "context" in gpus.resolve("B200").gpu.sources.from_memory
    assert gpus.read_on().isoformat() == "2026-11-27"


def test_amd_is_not_simulated_exactly() -> None:
    """And its note says so."""
    amd = [gpu for gpu in gpus.table() if gpu.maker == "AMD"]
    assert len(amd) == 2
    assert all("not exact" in (gpu.note or "") for gpu in amd)


def test_resolved_is_plain_data() -> None:
    """It can be compared and replaced."""
    found = gpus.resolve("L4")
    assert dataclasses.replace(found, assumed="x") != found
