"""Microsoft 365 through its Graph API: calendar entries, message times and Teams attendance.

options     the configuration and the permissions it needs
access      permissions, stored in a private file, and signing in
graph       requests for named fields, page by page
entries     events, messages and attendance as records
cursor      the state of an account between runs
mail        mail folders by their delta queries
meetings    attendance of Teams meetings
source      the connector
"""
