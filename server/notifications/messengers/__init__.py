"""Messengers that visits are joined to: one interface, an adapter for each, and what is written there."""
