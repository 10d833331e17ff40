"""From a pretrained encoder to trained weights."""
