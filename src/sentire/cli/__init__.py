"""The command line: a module for the options of each command, and others for its work."""
