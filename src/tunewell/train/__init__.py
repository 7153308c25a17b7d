"""The supervised trainer and the watcher: with tune and adapt, the only users of torch."""
