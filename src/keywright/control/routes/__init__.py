"""The routes, one file per noun: thin controllers that turn HTTP into calls of a desk and its answers into HTTP."""
