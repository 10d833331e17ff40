"""The Open Inference Protocol (KServe v2), and Triton's model repository."""
