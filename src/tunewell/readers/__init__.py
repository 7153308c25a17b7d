"""Turn what lies outside (files, folders, logs) into subjects."""
