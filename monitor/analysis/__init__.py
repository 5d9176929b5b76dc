"""Pure analysis: no input or output, no clock, no SQL."""
