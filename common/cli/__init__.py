"""The commands that every study has."""
