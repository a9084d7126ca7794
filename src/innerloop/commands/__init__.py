"""The commands of `innerloop COMMAND ...`: a file for each; `python src/COMMAND.py` is the same."""
