"""The commands of `python -m raypg.results`: each parses, calls and prints."""
