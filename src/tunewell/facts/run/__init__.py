"""What can be said of a run as a whole: facts that speak for one cause or against another."""
