"""Calendars as ICS: sound text, allowed lines, bounded series, one snapshot.

text     structural checks and the allow-list of lines, before any parser
zones    the names by which files call zones
series   a master and its changes become instances
records  instances become calendar events
source   the connector
"""
