"""Command accuracy and false commands of the offline recogniser, over voices and noise."""
