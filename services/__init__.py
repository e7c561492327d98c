"""The desk: services over one log. A service never imports a sibling: they speak through the log."""
