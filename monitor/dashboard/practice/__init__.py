"""The pages for the director, from published blocks alone."""
