"""Mail by its headers: when, in which direction, with whom, and whether a person wrote it.

addresses       address lists, malformed ones counted and not guessed
dates           instants, however they are spelled
headers         an allow-list of header fields
correspondence  headers become message stamps
postmarks       where one message of an mbox ends and the next begins
pages           messages become batches
mbox, maildir   the connectors
"""
