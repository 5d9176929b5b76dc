"""The pages: read-only but for an answer to a notice, closed unless a view says who may open it, without any script.

app        the factory
policy     who may open which view; without a policy, nobody
visit      what one request has at hand: configuration, store, clock, reader, and what the next page says
session    what the browser holds: one random word
frame      what stands around every page
telling    what pages that write share
headers    what every answer says to the browser
faults     what a person reads when a page cannot be shown
assets     the style sheets and fonts
views      the pages themselves
"""
