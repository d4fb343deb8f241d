"""The cascade processor: VAD → recogniser → skills or language model → synthesizer, behind the two views."""
