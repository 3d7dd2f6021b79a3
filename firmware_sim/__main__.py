"""`python -m firmware_sim`: the simulated controllers' commands."""

from firmware_sim.command_line import app

app(prog_name="python -m firmware_sim")
