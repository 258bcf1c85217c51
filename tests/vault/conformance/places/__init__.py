"""The stores that the suite is run over, one file for each kind or vendor."""
