"""Where times come from: one module a source, and nothing here knows the rest of the house."""
