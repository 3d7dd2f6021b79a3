"""Arrivals: coming near, the posted QR, the kiosk, check-in, walk-ins, and what hosts answer."""
