"""Feedback: what the people at the gate see and hear."""
