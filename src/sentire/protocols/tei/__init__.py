"""The dialect of Text Embeddings Inference."""
