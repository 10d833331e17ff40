"""Where models lie for many machines: versions that never change, and aliases that move."""
