"""Files, processes, processor and GPUs of the machine on which a run works."""
