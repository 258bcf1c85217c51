"""The nouns of Keywright: frozen structs without IO, clock or any import of our other rooms."""
