"""The read side: fills the models of :mod:`reports.models` for one reader.

week      a therapist's weekly report, for that therapist alone
figures   its three drawings
words     its sentences
cards     its card: a notice or a line, with the weeks and the rows behind it
behind    those rows, one table a measure
patterns  every notice there was, one client at a time, the ledger
book      a clinician's clients, read once
clients, agreements    who is behind a code; what was agreed with whom
check_in  what a therapist answered, beside their own weeks
caseload  the director's page, from the workload wing alone
"""
