"""Sentire's own dialect."""
