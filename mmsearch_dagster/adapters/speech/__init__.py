"""Speech recognisers: pocketsphinx, and models of transformers."""
