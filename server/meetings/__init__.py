"""Meetings: who came into the room of a visit, when first, and how sure that is."""
