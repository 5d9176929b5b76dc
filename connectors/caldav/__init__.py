"""Calendars on a server (CalDAV): each night the objects that changed and those that the moving window newly covers.

multistatus  parsing of WebDAV's answers about several resources
requests     bodies of the requests
server       from an address to calendars, and the requests to each of them
cursor       the stored state: keyed names of states and of entries
source       the connector
"""
