"""Searches over the settings of an experiment: Hyperband and grids. It knows no document."""
