"""What server, gates and controllers agreed on.

A thing belongs here only if changing it means that both ends must be updated together.
Everything is pure (no network, disk, clock or random source: those come in as arguments),
except `transport`, which carries the bytes.
"""
