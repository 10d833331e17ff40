"""The HTTP kit, which knows no models: bodies, problems, keys, deadlines, the server."""
