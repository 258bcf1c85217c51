"""What a key may do, and why: one decision over one immutable view.

| module | question |
|---|---|
| `level` | who has a word in it, and what does each of them restrict? |
| `grant` | what is left for one key of all that? |
| `decision` | may it do this, and which rule says so? |

Pure: nouns in, decisions out. The pipeline asks at each station of a call's way as soon as it knows enough;
`decide` asks all of it at once, for who wants to know what would happen or what would have happened.
"""
