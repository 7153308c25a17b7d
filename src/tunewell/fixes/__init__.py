"""Apply the edits of a fix to subjects and files, show them as a diff, and undo them."""
