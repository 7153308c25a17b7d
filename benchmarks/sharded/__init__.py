"""Memory of one rank of several: the simulation against the libraries themselves."""
