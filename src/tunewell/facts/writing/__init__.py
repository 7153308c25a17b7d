"""How texts are written: characters, languages, lengths, phrases, what must not be in them."""
