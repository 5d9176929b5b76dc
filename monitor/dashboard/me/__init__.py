"""The pages for one therapist alone. Neither a page of the practice nor the fairness report imports any of this.

week        the weekly report
patterns    every notice there was, one client at a time, the ledger; agenda: what to bring to supervision
clients     who is behind a code
agreements  what was agreed with whom
book        a clinician's clients, read once for these three
forms       what these pages share in writing
check_in    how somebody feels, by their own word
data        what the director sees of one, and the open slots
accounts    what may be read of one's own accounts
"""
