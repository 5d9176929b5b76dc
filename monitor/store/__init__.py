"""Every SQL sentence of the house, by what it is about.

database   open, one way to write, one way to read
keys       numbers for clinicians and pseudonyms
sources    what ingest remembers of each source: owners, cursor, faults
events, evidence, messages, threads    the records that ingest stores; saving the same page again changes nothing
invalidation    what a page changed, and from when on
clients    keys joined to persons, dated terms of clients, the ledger
facts      what the analysis reads
weeks      what the analysis writes: weekly numbers of both wings
computations   when that was last done, and what changed since
notices    notices and lines, the measures behind them, every answer
tables     what ``export`` and ``doctor`` read
selfreport what a person answered about themself
signin     one-time links and sessions of the dashboard
"""
