"""Calendars on a server (CalDAV): each night the objects that changed and those that the moving window newly covers.

webdav  bodies of the requests, and parsing of answers about several resources
server  from an address to calendars, and the requests to each of them
cursor  the stored state: keyed names of states and of entries
source  the connector
"""
