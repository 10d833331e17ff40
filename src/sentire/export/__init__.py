"""From trained weights to one INT8 ONNX file."""
