"""Dialects of HTTP: each a folder with its wire and its routes."""
