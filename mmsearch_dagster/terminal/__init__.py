"""What the command line shows and starts; part of the command line's layer."""
