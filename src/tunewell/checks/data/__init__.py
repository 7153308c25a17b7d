"""Quality and preprocessing: content, labels, duplicates, leakage, balance."""
