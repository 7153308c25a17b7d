"""Over- and under-fitting, divergence, frozen or hidden-NaN training."""
