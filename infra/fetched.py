"""`python -m infra.fetched`: have what tests need and no package of the system brings. Twice, it has nothing to do."""

from infra import klantclient, surge
from infra.broker import fetch_jars
from infra.server import in_containers

if __name__ == "__main__":
    if not in_containers():
        fetch_jars()
    klantclient.python()
    surge.python()
