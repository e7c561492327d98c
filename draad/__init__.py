"""Where everything is opened and passed on, and the commands that do it. Begin with `cli.py` and `serve.py`."""
