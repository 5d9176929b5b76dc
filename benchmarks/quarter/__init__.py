"""A simulated quarter with faults, which checks that nothing reassures when something is wrong."""
