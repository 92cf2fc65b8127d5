"""The console: pages of the gateway for operators and managers, rendered on the server."""
