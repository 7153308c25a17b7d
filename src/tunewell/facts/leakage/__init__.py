"""What the rows that judge a model share with those that it learns from."""
