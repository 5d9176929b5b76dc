"""The weekly report of one therapist, for that therapist alone: fills :class:`reports.models.WeeklyReport`.

report         the whole report
figures        its three charts
sentences      its headline, its lists, and the names of clients
cards          its card: a notice with the weeks and the rows that it rests on
evidence_rows  those rows, one table a metric
gaps           what is missing, in sentences
"""
