"""Text analysis: cleaning, languages, stop words, stems, compounds, quantities, text of the full-text index."""
