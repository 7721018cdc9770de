"""Vertex AI pipeline `heat-forecast`, converted from the SageMaker pipeline `heat-forecast`."""
