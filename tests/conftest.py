"""Settings for every test."""

from hypothesis import settings

# Several test processes share few cores: a slow example says nothing about the code.
settings.register_profile("tunewell", deadline=None, derandomize=True)
settings.load_profile("tunewell")
