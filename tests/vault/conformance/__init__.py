"""One suite that every kind of store passes; what each is made of stands in `places`."""
