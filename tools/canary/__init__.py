"""The canary sweep: the suite is run, every secret that its processes held is written down, and all that they left
behind is searched for each of them.

`site/sitecustomize.py` writes the secrets down, in each process of the run, and keeps a copy of what each says;
`keeping` keeps what the tests would throw away; `needles` and `haystack` search; `control` plants a secret in every
kind of place, all of which must be found; `allowed` names what may hold a secret, and why. `make canary` runs it.

No test has marked keys of its own. A mark would be in those keys only whose tests were changed for it; what is written
down here is every value that the product ever called a secret: keys of providers, keys that were issued, tokens that
were minted, what stores were opened with.
"""
