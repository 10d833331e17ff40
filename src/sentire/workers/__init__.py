"""Several processes behind one port: they are kept running, and all serve the same."""
