"""Images replaced by the features of a frozen, pretrained network."""
