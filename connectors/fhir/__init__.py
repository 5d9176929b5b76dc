"""Record systems that speak FHIR R4: appointments, encounters and the times of communications.

server     searches, page by page, whatever the server makes of pages
resources  JSON becomes appointments, encounters and communications, of which a few fields are looked at
records    these become events, true times and message stamps
reading    a search's pages become batches, and how far they came
source     the connector, and whose they are: practitioners and owners
"""
