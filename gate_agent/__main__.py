"""`python -m gate_agent`: the gate's commands."""

from gate_agent.command_line import app

app(prog_name="python -m gate_agent")
