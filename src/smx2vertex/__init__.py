"""From Amazon SageMaker Pipelines to Vertex AI Pipelines, with proof that the translation means the same."""

__version__ = "0.1.0"
