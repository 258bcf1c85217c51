"""One file for each provider whose keys can be replaced, and one for those where a person has to help."""
