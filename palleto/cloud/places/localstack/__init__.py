"""LocalStack without Docker. Its command is `python -m palleto.cloud.localstack`.

instance.py     one LocalStack: started, found again, ended
environment.py  the virtual environment that it runs in
"""

from palleto.cloud.places.localstack.instance import PORT, Instance, down, is_ready, running, up

__all__ = ["PORT", "Instance", "down", "is_ready", "running", "up"]
