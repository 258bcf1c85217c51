"""Provider secrets: references, one file per backend, credentials that apply themselves."""
