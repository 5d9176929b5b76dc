"""The weekly report of one therapist, for that therapist alone: fills :class:`reports.models.WeeklyReport`.

report   the whole of it
figures  its three drawings
words    its sentences
cards    its card: a notice or a line, with the weeks and the rows behind it
behind   those rows, one table a measure
gaps     what is missing, in words
"""
