"""An AD-shaped forest out of OpenLDAP servers: see lab.Lab, and `tests/lab/forest --help`."""

from .lab import AgentResult, Lab
from .process import LabError

__all__ = ["AgentResult", "Lab", "LabError"]
