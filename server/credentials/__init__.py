"""Visitors' credentials: issuer keys and their rotation, issue, issue again, revoke, and the QR picture."""
