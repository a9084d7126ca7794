"""The images of a data set, packed once into arrays on disk."""
