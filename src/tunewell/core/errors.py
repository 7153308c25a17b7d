"""The errors that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Something outside Tunewell is not as it must be; the text is the one sentence shown.

    The command line prints it and ends with exit status 2, never with a traceback.
    """


class InputError(UserError):
    """A file or folder that was given cannot be used. The text names it and says what to do."""


class SettingsError(UserError):
    """A setting is unknown or has a value that cannot be used."""


class MissingExtraError(UserError):
    """A command needs packages that the base install leaves out."""
