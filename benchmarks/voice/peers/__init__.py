"""The same workload on Pipecat and LiveKit Agents, each in an environment of its own (see `../peers.py`)."""
