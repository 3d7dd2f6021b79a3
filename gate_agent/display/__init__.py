"""The display: a full-screen page for a small screen at the gate, served to this machine alone."""
