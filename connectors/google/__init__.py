"""Google: calendar entries, message times and the actual times of video calls, for each clinician's own account.

::

    access, consent    permissions: where they are stored, and how a clinician gives one
    service            requests with one retry policy, and errors from refusals
    calendar (entries), gmail, meet (conferences or report → calls)    one connector each

Every request lists the fields it needs. Titles, subjects and names are not even sent to us unless a rule of the
practice needs them. Google's client library is imported when a source is read, not before.
"""
