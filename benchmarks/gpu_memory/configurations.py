"""The training steps whose memory is measured on a real GPU, small ones first."""

from __future__ import annotations

from cases import Configuration
from cases_bidirectional import ENCODER_DECODERS, ENCODERS, VISION
from cases_decoders import EXPERTS, SMALL_DECODERS
from cases_large import LARGE_DECODERS, MIDDLE_DECODERS

CONFIGURATIONS: tuple[Configuration, ...] = (
    *ENCODERS,
    *VISION,
    *ENCODER_DECODERS,
    *SMALL_DECODERS,
    *EXPERTS,
    *MIDDLE_DECODERS,
    *LARGE_DECODERS,
)
