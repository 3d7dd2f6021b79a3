"""People with accounts: who they are, what their roles allow, and how they sign in."""
