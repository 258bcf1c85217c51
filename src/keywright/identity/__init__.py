"""The keys that Keywright issues: their format, and how a person's words become one."""
