"""Any CSV export, by declared columns.

table     bytes become rows
columns   a cell becomes an instant, minutes or a word
options   what the configuration may declare
presets   exports of practice systems that are known by name
records   rows become visits, calls or messages
source    the connector
inspect   a proposal for an unknown file, from patterns (how a column is written) and roles (what it is called)
"""
