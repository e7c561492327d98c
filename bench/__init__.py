"""Figures: ratios measured side by side in one run. `python -m bench` prints them; nothing here is a test."""
