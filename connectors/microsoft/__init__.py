"""Microsoft 365 by its Graph: calendar, message times, Teams attendance.

options     what the configuration may say
access      whose permission it is, kept in a private file
graph       one way to ask, page by page, for named fields alone
entries     events, messages and attendance become records
cursor      how far an account was read
mail        folders by their delta queries
meetings    attendance of Teams meetings
source      the connector
"""
