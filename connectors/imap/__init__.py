"""Mail on a server (IMAP), by its headers: folders are examined, never selected for writing, and bodies stay there.

names         what a folder's name and marks say it is for
conversation  one connection: signing in, folders, searches, header blocks as they arrive
cursor        how far each folder was read
source        the connector
"""
