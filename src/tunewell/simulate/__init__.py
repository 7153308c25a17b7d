"""A training step run on tensors without storage, every allocation followed from birth to death.

Run as a process of its own (`python -m tunewell.simulate`): see `tunewell.plan.child`.
"""
