"""Draad's neighbours: other Python stream engines at the same work, on the same broker, killed at the same moments."""
