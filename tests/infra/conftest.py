"""Where Docker is not asked for, its tests are not there: they are no tests that were skipped."""

from infra.server import in_containers

collect_ignore = [] if in_containers() else ["test_boxes.py"]
