"""How things look: models in, pages, charts and text out. Nothing here knows the rest of the house."""
