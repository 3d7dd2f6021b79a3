"""Data rights and retention: what is known of a visitor, and that it goes when it should."""
