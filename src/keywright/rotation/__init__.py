"""How providers' keys are replaced: the machine that goes from step to step, and a driver for each provider's ways."""
