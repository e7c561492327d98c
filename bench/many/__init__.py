"""Figures of many machines' engine, on a real broker and a real database that share two cores with it."""
