"""CSV exports of any program, by declared columns.

table     bytes become rows of cells
columns   a cell becomes an instant, a duration or a status
options   the configuration of a source
presets   exports of known practice systems
records   rows become visits, calls or messages
source    the connector
inspect   a proposed mapping for an unknown file, from patterns (the format of cells) and roles (the names of columns)
"""
