"""The sweep for secrets is itself tried: what it must find, it finds; what is none, it leaves."""
