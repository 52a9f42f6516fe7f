"""The command line, `mmsearch`: one file per command, and the options that they share."""
