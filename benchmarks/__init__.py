"""Speed and validity, measured: each module prints its figures when run with ``python -m``."""
