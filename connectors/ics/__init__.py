"""Calendars as iCalendar files: checked text, allowed properties, bounded recurrence, one snapshot.

text     checks of a file's structure and the list of allowed properties, before any parser
zones    names of time zones: as files write them, and of zones that files define
series   events and their recurrence rules become instances
records  instances become calendar events
source   the connector
"""
