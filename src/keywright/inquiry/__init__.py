"""What policy said, what it would say, and what another would have said. Nothing here is on the way of a call.

| module | question |
|---|---|
| `ruling` | what would the pipeline say to a call, before anything goes upstream? |
| `trial` | that, with all that counts in it: levels, targets, budgets, limits |
| `explanation` | why was this call served so, or refused, and why does it cost that? |
| `charge` | how does a cost come about, line by line? |
| `words` | what does the name of a rule mean? |
| `replay` | what would another configuration have done to the recorded calls? |
| `simulation` | what would budgets and limits have refused of them? |
| `tally` | how does that add up? |
| `lookup` | what does a store know that explains a call? |

Pure but for the last: nouns in, structs out, for the command line and the administration API alike. In what comes out
money is a decimal string of US dollars, a time RFC 3339 in UTC, a duration a number of microseconds.
"""
