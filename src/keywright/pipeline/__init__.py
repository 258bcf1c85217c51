"""The way of a request: authenticate, admit, route, reserve, translate, upstream, settle."""
