"""Genkan's gate: sees a visitor's credential, decides by itself, and has the portal opened."""
