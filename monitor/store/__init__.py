"""The practice's SQLite database. All SQL is in this package, one module a subject.

schema             every table and column, in one readable text
database           opening the file under the practice's key, write transactions, consistent reads
keys               ids of clinicians and pseudonyms, lookups of many keys at once, rows by column name
sources            the state of each source: owners, cursor, rejected records, last error; counts of its records
events, evidence, messages, threads    the records that ingest stores; storing the same page again changes nothing
computations       the state from which numbers were last computed, and the changes that invalidate them
clients            client keys joined to persons, agreements, the ledger
selfreport         self-reports
analysis_records   the records of one clinician as the analysis takes them
upcoming           a checksum of later records that the numbers up to an instant depend on
weeks              weekly values of the metrics
notices            notices, their signals and the answers to them
blocks             the blocks that are published to the director
referrals          open slots and assigned referrals
exports            the rows of `evenhours export`
runs               the record of runs, and of the gaps that they report
signin             one-time links and web sessions
"""
