"""The parts of `tunewell plan`: what is given, what it needs, how long, what it costs."""
