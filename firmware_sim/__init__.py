"""Simulated door controllers: they behave as firmware on a microcontroller would."""
