"""What can be administered, one file per noun: each operation checks who asks, does it, and knows no HTTP.

Every operation raises ChangeRefusedError when it cannot be done, and StoreError when the database cannot serve. What
the one who asks may not even see is not_found.
"""
