"""The ledger of access events, who is inside, operators at doors, and what gates must know."""
