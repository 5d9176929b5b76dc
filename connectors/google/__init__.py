"""Google: calendar entries, message times and the true times of calls, each clinician's own.

::

    access   whose permission it is, and where it is kept          consent   how somebody gives permission
    service  asking: one back-off, one translation of refusals
    calendar (entries), gmail, meet (conferences or report → calls)    a connector each

Every field that is wanted is named in the request, so that a title, a subject or a name is not even sent to us where
no rule of the practice looks at it. Google's client loads when a source is read, not before.
"""
