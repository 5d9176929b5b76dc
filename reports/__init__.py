"""Reports: models, and their drawing as pages, charts, plain text and Markdown. Imports nothing else of the project."""
