"""The live page over a run: a process of its own that reads files and never writes one."""
