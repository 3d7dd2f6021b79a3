"""Genkan's server: invitations, credentials, doors and the ledger, behind one API and one set of pages."""
