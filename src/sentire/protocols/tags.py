"""The parts of the OpenAPI document: one for each dialect, and one for who operates a server."""

NATIVE, HUGGING_FACE, TEI, KSERVE, OPERATIONS = (
    "sentire",
    "Hugging Face",
    "Text Embeddings Inference",
    "KServe",
    "Operations",
)
TAGS = [
    {"name": NATIVE, "description": "Predictions with everything that sentire knows."},
    {"name": HUGGING_FACE, "description": "As `huggingface_hub.InferenceClient` speaks."},
    {"name": TEI, "description": "As clients of Text Embeddings Inference (TEI) speak."},
    {"name": KSERVE, "description": "The Open Inference Protocol, and Triton's repository calls."},
    {"name": OPERATIONS, "description": "For orchestrators and Prometheus."},
]
"""One for each dialect, in the page's order."""
