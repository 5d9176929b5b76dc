"""A simulated quarter in which things go wrong, and whether anything says that all is well when it is not."""
