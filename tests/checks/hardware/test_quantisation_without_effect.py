"""HW032 quantisation-without-effect, on real models."""

from pathlib import Path

from tests.preflight import tiny

from tunewell.checks.hardware.quantisation_without_effect import quantisation_without_effect
from tunewell.testing import CheckCases, run_check


def test_a_model_made_from_a_configuration_is_not_quantised(tmp_path: Path) -> None:
    trainer = tiny.sft(tmp_path, model=tiny.lora(tiny.causal()))
    assert not run_check(quantisation_without_effect, (tiny.looked(trainer),)).findings
    core = trainer.model.get_base_model()
    core.config.quantization_config = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    found = run_check(quantisation_without_effect, (tiny.looked(trainer),)).findings
    assert ["bitsandbytes" in finding.message for finding in found] == [True]


def test_layers_in_fewer_bits_are_known(tmp_path: Path) -> None:
    import torch

    class Linear4bit(torch.nn.Linear):
        """Named like the layer of bitsandbytes, which needs its library."""

    trainer = tiny.sft(tmp_path)
    trainer.model.model.layers[0].self_attn.q_proj = Linear4bit(32, 32)
    trainer.model.config.quantization_config = {"quant_method": "bitsandbytes"}
    setup = tiny.looked(trainer)
    assert setup.quantised_layers == 1
    assert not run_check(quantisation_without_effect, (setup,)).findings


class TestQuantisationWithoutEffect(CheckCases):
    """Setups written down."""

    check = quantisation_without_effect
    faulty = {"none": (tiny.setup(quantisation="hqq", linear_layers=14),)}
    nearly = {"one": (tiny.setup(quantisation="hqq", linear_layers=14, quantised_layers=1),)}
    clean = {"not asked for": (tiny.setup(linear_layers=14),)}
