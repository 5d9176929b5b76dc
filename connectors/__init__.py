"""Connectors: one package for each kind of source. Nothing here imports from the other packages of this project."""
