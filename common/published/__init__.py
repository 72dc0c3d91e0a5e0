"""The published numbers as data: `reports/published/*.toml`, read and checked."""

from common.published.loader import FOLDER, Printed, Published, load, read, studies

__all__ = ["FOLDER", "Printed", "Published", "load", "read", "studies"]
