"""The version, where every layer can reach it."""

VERSION = "0.1.0"
