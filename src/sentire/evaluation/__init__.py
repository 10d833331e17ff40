"""Figures about a model, measured through the engine that serves it."""
