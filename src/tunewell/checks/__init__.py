"""One check a file, in seven families. `tunewell.engine.registry` imports them all."""
