"""The director's reports, filled from published blocks, the roster and open slots; no weekly number is read.

report     how evenly the caseload is shared: fills :class:`reports.models.FairnessReport`
referral   who takes the next referral
blocks     the next block of four weeks
freshness  up to when caseloads are complete, and whose are stale
"""
