"""The pages: read-only but for an answer to a notice, closed unless a view says who may open it, without any script.

app        the factory
auth       signing in and out
session    what the browser holds: one random word
policy     who may open which view; without a policy, nobody
request    what one request has at hand: configuration, store, clock, reader, form, and what the next page says
headers    what every answer says to the browser
layout     what stands around every page, what a person reads when one cannot be shown, style sheets and fonts
me         the pages for one therapist alone
practice   the pages for the director
help       what each number means

A page is one place: its query, its frozen dataclasses and its view are one module, and its template lies beside it.
"""
