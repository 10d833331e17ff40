"""The one text path: normalize, identify the language, segment, tokenize."""
