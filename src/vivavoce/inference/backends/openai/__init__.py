"""Any OpenAI-compatible server: chat, transcription, speech. One `Endpoint` is shared by all three."""

from vivavoce.inference.backends.openai.chat import OpenAILanguageModel
from vivavoce.inference.backends.openai.endpoint import Endpoint
from vivavoce.inference.backends.openai.models import choose, list_models
from vivavoce.inference.backends.openai.speech import OpenAISynthesizer
from vivavoce.inference.backends.openai.transcription import OpenAIRecognizer

__all__ = ["Endpoint", "OpenAILanguageModel", "OpenAIRecognizer", "OpenAISynthesizer", "choose", "list_models"]
