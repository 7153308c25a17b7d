"""New data: has it moved, retrain without forgetting, accept or refuse the new model."""
