"""Mail on a server (IMAP), by its headers: folders are opened for reading only, and bodies are never requested.

folders     roles of folders, by the flags that a server gives them and by their names
messages    parsing of one message's FETCH response
connection  the standard library's connection with limits
session     one signed-in connection: folders, searches, header blocks as they arrive
reader      reading of a whole account, with retries
source      the connector, with the position in each folder
"""
