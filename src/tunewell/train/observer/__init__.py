"""What every watcher does, whatever framework trains: see, record, judge."""
