"""How messages travel: one interface, MQTT for real, and memory for tests and simulations."""
