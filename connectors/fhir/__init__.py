"""FHIR R4 record systems: appointments, encounters and the times of communications.

server     a client that searches, page by page, and copes with servers that do not page
resources  the few fields of appointments, encounters and communications that are read from JSON
records    events, actual times and message stamps made from these
reading    batches made from a search's pages, and the cursor
source     the connector, with the practitioners' owners
"""
