"""Use cases that any entry may call: each takes an options record and gives a result."""
