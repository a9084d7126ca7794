"""What Hydra finds of innerloop's own: launchers that outlive their members, and a sweeper."""
