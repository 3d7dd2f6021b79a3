"""Arrivals: coming near, the posted QR, check-in and walk-ins."""
