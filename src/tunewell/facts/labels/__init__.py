"""Labels: their sizes and spellings, how well they fit the texts, and how to balance them."""
