"""Every SQL sentence of the house, by what it is about.

database   open, one way to write, one way to read
records    what ingest stores: events, evidence, messages, cursors, dirty marks
facts      what the analysis reads
weeks      what the analysis writes: weekly numbers of both wings, notices and their answers
tables     what ``export`` reads
signin     one-time links and sessions of the dashboard
"""
