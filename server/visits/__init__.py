"""Visits: who comes, to whom, when and where, from the invitation to the end."""
