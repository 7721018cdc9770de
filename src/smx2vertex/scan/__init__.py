"""The static inventory of code, definitions and pipeline specs. Nothing that is scanned is ever executed."""

from .inventory import Inventory, scan, scan_text
from .model import ScannedFile

__all__ = ["Inventory", "ScannedFile", "scan", "scan_text"]
