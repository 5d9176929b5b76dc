"""Calendars on a server (CalDAV): what changed since the last night, and which entries the moving window reaches.

multistatus  what a server says of many things at once
questions    the bodies of our questions
server       from an address to calendars, and what is asked of each
cursor       what is remembered of a server: names of states and of entries
source       the connector
"""
