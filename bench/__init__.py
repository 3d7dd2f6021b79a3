"""Measurements of the product on this machine: `python -m bench --help`."""
