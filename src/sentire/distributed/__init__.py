"""The model service on a Ray cluster: replicas that come and go with the load."""
