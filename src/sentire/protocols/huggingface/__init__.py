"""The dialect of Hugging Face's inference clients."""
