"""The acts of the scene, in the order in which a visit goes: each looks whether it really happened."""
