"""Text analysis: cleaning, languages, stop words, stems, compounds, quantities, text for full-text search."""
