"""Draw a document: terminal, JSON, HTML. A renderer sees nothing but the document."""
