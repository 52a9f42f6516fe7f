"""The home is tidied: what no kept release needs goes."""
