"""The command line, `mmsearch`: one file per command."""
