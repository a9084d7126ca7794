"""Small languages of programs: their functions, how a program is run, and how one is searched."""
