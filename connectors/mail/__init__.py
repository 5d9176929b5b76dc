"""Mail by its headers: when it was sent, in which direction, with whom, and whether a person wrote it.

addresses      address lists by the grammar, without guessing at malformed ones
dates          dates in the forms that mail uses
headers        allowed fields of a header block
stamps         headers become message stamps
separators     separator lines between the messages of an mbox file
pages          pages of messages, and what all mail sources share
mbox, maildir  the connectors
"""
