"""The director's report, filled from published blocks, the roster and open slots: no reader of weekly numbers is near.

report     how evenly the caseload is shared: fills :class:`reports.models.FairnessReport`
referral   who takes the next referral
blocks     the next block of four weeks
freshness  how far the caseload is known, and of whom it is not
"""
