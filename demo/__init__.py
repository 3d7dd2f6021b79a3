"""The demo: a visit played on the real programs, with a rendered visitor before the camera."""
