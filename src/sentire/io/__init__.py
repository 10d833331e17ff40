"""Readers and writers: files, databases and streams of any size, resumable."""
