"""Files, processes, processor and GPUs of the machine that a run is on."""
