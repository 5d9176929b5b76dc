"""The web pages. They work without scripts, and a view is closed unless it declares who may open it.

app          the application factory, and the HTTP headers of every response
auth         signing in and out
web_session  the session that a browser holds: one random token in a cookie
policy       which roles may open which view
request      the context of one request: configuration, store, clock, reader, form, and messages for the next page
layout       the frame of every page, the error pages, the style sheets and fonts
me           the pages for one therapist alone
practice     the pages for the director
help         the definition of each number

Each page is one place: its query, its frozen dataclasses and its view are one module, with its template beside it.
"""
