"""The pages for the director."""
