"""The things that are examined, as frozen data: readers make them, checks look at them."""
