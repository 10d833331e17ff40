"""The load benchmark of the model service and its peers; ``benchmarks/service.py`` runs it."""
