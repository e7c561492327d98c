"""Without this file pytest takes no folder for a package, and a house of its own would be at work to the end."""
