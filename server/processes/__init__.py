"""The server's processes: web, worker, live and broker, and `serve`, which runs them all on one machine."""
