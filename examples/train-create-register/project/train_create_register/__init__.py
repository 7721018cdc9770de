"""Vertex AI pipeline `train-create-register`, converted from the SageMaker pipeline `train-create-register`."""
