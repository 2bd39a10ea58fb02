"""Drawn camera-trap archives, for the demo, the documentation and the benchmarks. Pillow and numpy only."""
