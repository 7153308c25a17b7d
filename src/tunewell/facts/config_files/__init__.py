"""The text of a configuration file as keys, values and the places where they stand."""
