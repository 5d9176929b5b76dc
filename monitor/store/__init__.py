"""The practice's SQLite database. All SQL is in this package, one module a subject.

schema             every table and column, in one readable text
database           opening the file, write transactions, consistent reads
practice           opening the database of a practice under its key
keys               ids of clinicians and pseudonyms, lookups of many keys at once
sources            the state of each source: owners, cursor, rejected records, last error
events, evidence, messages, threads    the records that ingest stores; storing the same page again changes nothing
renaming           events that come with new identifiers
invalidation       the clinicians whose numbers a change makes out of date, and from which instant on
clients            client keys joined to persons, agreements, the ledger
selfreport         self-reports
analysis_records   the records of one clinician as the analysis takes them
upcoming           a checksum of later records that the numbers up to an instant depend on
computations       the state from which numbers were last computed
weeks              weekly values of the metrics
notices            notices, their signals and the answers to them
blocks             the blocks that are published to the director
referrals          open slots and assigned referrals
tables             rows for `export` and `doctor`; runs and gaps
signin             one-time links and web sessions
"""
