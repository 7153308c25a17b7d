"""Edits of configuration files and scripts: only the lines of the setting change."""

from tunewell.fixes.config_files.edit import CannotEditError, edit_text

__all__ = ["CannotEditError", "edit_text"]
