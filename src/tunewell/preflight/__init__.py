"""Rehearse a training on copies of the user's own objects, and record what happened as subjects."""
