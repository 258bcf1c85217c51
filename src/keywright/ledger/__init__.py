"""The spool and the writer: every call recorded once, whatever happens to the process."""
