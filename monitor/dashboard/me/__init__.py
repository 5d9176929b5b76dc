"""The pages for one therapist alone. The director's pages and the fairness report import nothing from here.

week          the weekly report
patterns      all notices so far, one client at a time, the ledger
agenda        the list for the next supervision, a part of the patterns page
clients       who is behind a code
agreements    the agreement with each client
client_index  a clinician's clients, loaded once for patterns, clients and agreements
forms         reading and saving what the forms of these pages share
check_in      questionnaires, beside the measured weeks
data          what the director sees of the reader, and the open slots
accounts      permission to read the reader's own accounts
"""
