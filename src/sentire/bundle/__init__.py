"""The one artefact between learning and running."""
