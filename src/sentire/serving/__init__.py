"""Which models a process serves: where they come from, and their versions that change meanwhile."""
